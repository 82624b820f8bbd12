package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/web/identity"
)

// organizationRoutes are a person's Organizations and what belongs to them: an id
// that is not the one that the caller acts in answers 404.
func (s *Server) organizationRoutes(api *echo.Group) {
	api.GET("/auth/sessions", s.ownSessions)
	api.DELETE("/auth/sessions/:sid", s.endSession)
	api.POST("/auth/organization", s.switchOrganization)

	api.GET("/organizations", s.listOrganizations)
	api.POST("/organizations", s.foundOrganization)
	g := api.Group("/organizations/:org")
	g.PATCH("", s.renameOrganization)
	g.GET("/members", s.listMembers)
	g.PATCH("/members/:subject", s.changeMember)
	g.DELETE("/members/:subject", s.removeMember)
	g.GET("/invitations", s.listInvitations)
	g.POST("/invitations", s.invite, s.byCaller(newSignInLimits().invitations))
	g.DELETE("/invitations/:invitation", s.uninvite)
}

// answer is what a handler of these routes gives for its caller.
func (s *Server) answer(c echo.Context, status int, name string, what func(identity.Claims) (any, error)) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	v, err := what(claims)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	switch {
	case v == nil:
		return c.NoContent(http.StatusNoContent)
	case name != "":
		v = map[string]any{name: v}
	}
	return c.JSON(status, v)
}

func (s *Server) ownSessions(c echo.Context) error {
	return s.answer(c, http.StatusOK, "sessions", func(by identity.Claims) (any, error) {
		return s.options.Identity.Sessions(c.Request().Context(), by)
	})
}

func (s *Server) endSession(c echo.Context) error {
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		return nil, s.options.Identity.EndSession(c.Request().Context(), by, c.Param("sid"))
	})
}

// switchOrganization gives the browser tokens for another Organization.
func (s *Server) switchOrganization(c echo.Context) error {
	var in struct {
		ID string `json:"id"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		session, err := s.options.Identity.Switch(c.Request().Context(), by, in.ID)
		if err == nil {
			s.options.Identity.SetCookies(c.Response(), session, s.isSecure(c))
		}
		return nil, err
	})
}

func (s *Server) listOrganizations(c echo.Context) error {
	return s.answer(c, http.StatusOK, "organizations", func(by identity.Claims) (any, error) {
		return s.options.Identity.Organizations(by), nil
	})
}

func (s *Server) foundOrganization(c echo.Context) error {
	name, err := bindName(c)
	if err != nil {
		return err
	}
	return s.answer(c, http.StatusCreated, "", func(by identity.Claims) (any, error) {
		return s.options.Identity.FoundOrganization(c.Request().Context(), by, name)
	})
}

func (s *Server) renameOrganization(c echo.Context) error {
	name, err := bindName(c)
	if err != nil {
		return err
	}
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		return nil, s.options.Identity.RenameOrganization(c.Request().Context(), by, c.Param("org"), name)
	})
}

func bindName(c echo.Context) (string, error) {
	var in struct {
		Name string `json:"name"`
	}
	err := bind(c, &in)
	return in.Name, err
}

func (s *Server) listMembers(c echo.Context) error {
	return s.answer(c, http.StatusOK, "members", func(by identity.Claims) (any, error) {
		return s.options.Identity.Members(by, c.Param("org"))
	})
}

func (s *Server) changeMember(c echo.Context) error {
	var in struct {
		Role string `json:"role"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		return nil, s.options.Identity.ChangeMember(c.Request().Context(), by, c.Param("org"), c.Param("subject"), in.Role)
	})
}

func (s *Server) removeMember(c echo.Context) error {
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		return nil, s.options.Identity.RemoveMember(c.Request().Context(), by, c.Param("org"), c.Param("subject"))
	})
}

func (s *Server) listInvitations(c echo.Context) error {
	return s.answer(c, http.StatusOK, "invitations", func(by identity.Claims) (any, error) {
		return s.options.Identity.Invitations(by, c.Param("org"))
	})
}

func (s *Server) invite(c echo.Context) error {
	var in struct {
		Email string `json:"email"`
		Role  string `json:"role"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	return s.answer(c, http.StatusCreated, "", func(by identity.Claims) (any, error) {
		return s.options.Identity.Invite(c.Request().Context(), by, c.Param("org"), in.Email, in.Role)
	})
}

func (s *Server) uninvite(c echo.Context) error {
	return s.answer(c, 0, "", func(by identity.Claims) (any, error) {
		return nil, s.options.Identity.Uninvite(c.Request().Context(), by, c.Param("org"), c.Param("invitation"))
	})
}
