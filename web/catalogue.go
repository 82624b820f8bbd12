package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
)

// catalogue lists what can be chosen: regions, sizes, apps, industries,
// components or topologies.
func (s *Server) catalogue(c echo.Context) error {
	var items any
	cat := s.options.Catalogue
	switch list := c.Param("list"); list {
	case "regions":
		if near := c.QueryParam("near"); near != "" || c.QueryParam("residency") != "" {
			items = cat.RankRegions(near, c.QueryParam("residency"))
		} else {
			items = cat.Regions()
		}
	case "sizes":
		items = cat.Sizes(c.QueryParam("region"))
	case "apps":
		items = cat.Apps()
	case "industries":
		items = cat.Industries()
	case "components":
		items = cat.Components()
	case "topologies":
		items = cat.Topologies()
	default:
		return fault.New(fault.NotFound, "there is no list %q", cut(list, 40)).Do("The lists are regions, sizes, apps, industries, components and topologies.")
	}
	return c.JSON(http.StatusOK, map[string]any{"items": items, "provenance": cat.Provenance()})
}

// checkSubdomain always answers 200, as upstream does.
func (s *Server) checkSubdomain(c echo.Context) error {
	var in struct {
		Subdomain  string `json:"subdomain"`
		PoolDomain string `json:"poolDomain"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	check, err := s.options.Provisioner.CheckSubdomain(c.Request().Context(), in.Subdomain, in.PoolDomain)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, check)
}

func (s *Server) cardSchema(c echo.Context) error {
	schema, err := card.Schema()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/schema+json", schema)
}
