package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

func (s *Server) ready(c echo.Context) error {
	if s.options.Ready != nil {
		if err := s.options.Ready(c.Request().Context()); err != nil {
			return fault.Wrap(err, fault.Unavailable, "the service is not ready yet")
		}
	}
	return c.String(http.StatusOK, "ready")
}

func (s *Server) version(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"version": s.options.Version})
}

func (s *Server) jwks(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.Blob(http.StatusOK, "application/jwk-set+json", s.options.Identity.JWKS())
}

func (s *Server) whoami(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	out := map[string]any{
		"subject": actor.Subject, "email": actor.Email, "localOwner": actor.LocalOwner,
		"mode": s.options.Mode, "cloud": s.options.Cloud,
	}
	out["calls"] = s.options.Calls != nil
	out["role"], out["orgId"], out["capabilities"] = claims.Role, claims.OrgID, claims.Capabilities
	if out["capabilities"] == nil {
		out["capabilities"] = []string{}
	}
	out["outbox"] = s.options.Outbox != nil && claims.LocalOwner
	if s.options.Sovereign != nil {
		out["fqdn"] = s.options.Sovereign.FQDN
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, out)
}

// redeemLink signs in the person who has the one-time link.
func (s *Server) redeemLink(c echo.Context) error {
	session, err := s.options.Identity.Redeem(c.Request().Context(), c.QueryParam("code"), how(c))
	if err != nil {
		// The app's sign-in page explains it better than a problem would.
		return c.Redirect(http.StatusSeeOther, s.base+"/signin?link=used")
	}
	if err := s.signedIn(c, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, s.landing())
}

// receiveHandover is the receiving end of a handover, as upstream's.
func (s *Server) receiveHandover(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	session, path, err := s.options.Identity.ReceiveHandover(c.Request().Context(), c.QueryParam("token"), how(c))
	if err != nil {
		return err
	}
	if err := s.signedIn(c, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusFound, s.base+path)
}

func (s *Server) signOut(c echo.Context) error {
	if err := s.options.Identity.SignOut(c.Request()); err != nil {
		return err
	}
	s.options.Identity.ClearCookies(c.Response(), s.isSecure(c))
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) openAPI(c echo.Context) error {
	doc, err := OpenAPI()
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, doc)
}
