package web

import (
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/web/identity"
)

// createToken makes a personal access token, with upstream's fields. It is shown
// this once.
func (s *Server) createToken(c echo.Context) error {
	caller, err := s.caller(c)
	if err != nil {
		return err
	}
	var in struct {
		Name         string   `json:"name"`
		TTLHours     float64  `json:"ttl_hours"`
		Audience     string   `json:"audience"`
		Capabilities []string `json:"capabilities"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	// What does not fit into a duration is refused as too long.
	ttl := time.Duration(math.MaxInt64)
	if hours := in.TTLHours * float64(time.Hour); math.Abs(hours) < math.MaxInt64 {
		ttl = time.Duration(hours)
	}
	token, made, err := s.options.Identity.CreateToken(c.Request().Context(), caller, identity.TokenOptions{
		Name: in.Name, TTL: ttl, Audience: in.Audience, Capabilities: in.Capabilities,
	})
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, struct {
		Text string `json:"token"`
		Type string `json:"typ"`
		identity.Token
	}{token, identity.TypePAT, made})
}

func (s *Server) listTokens(c echo.Context) error {
	caller, err := s.caller(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"tokens": s.options.Identity.Tokens(caller)})
}

func (s *Server) revokeToken(c echo.Context) error {
	caller, err := s.caller(c)
	if err != nil {
		return err
	}
	if err := s.options.Identity.RevokeToken(c.Request().Context(), caller, c.Param("jti")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
