package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
)

// listModels says what the caller's agents think with, and whose keys there are. A
// key itself never comes out.
func (s *Server) listModels(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	models, err := s.options.Shell.Models(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"models": models})
}

// setModel keeps a key of the caller's, or of their Organization.
func (s *Server) setModel(of shell.Payer) echo.HandlerFunc {
	return func(c echo.Context) error {
		actor, err := s.actor(c)
		if err != nil {
			return err
		}
		var in shell.ModelAccess
		if err := bind(c, &in); err != nil {
			return err
		}
		if err := s.options.Shell.SetModel(c.Request().Context(), actor, of, agent.API(c.Param("api")), in); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
}

// removeModel destroys such a key.
func (s *Server) removeModel(of shell.Payer) echo.HandlerFunc {
	return func(c echo.Context) error {
		actor, err := s.actor(c)
		if err != nil {
			return err
		}
		if err := s.options.Shell.RemoveModel(c.Request().Context(), actor, of, agent.API(c.Param("api"))); err != nil {
			return err
		}
		return c.NoContent(http.StatusNoContent)
	}
}
