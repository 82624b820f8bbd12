package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice"
)

// The media types of WHIP (RFC 9725, 4.2 and 4.3.1).
const (
	sdp      = "application/sdp"
	fragment = "application/trickle-ice-sdpfrag"
)

// typed refuses a body of another media type.
func typed(c echo.Context, want string) error {
	kind := c.Request().Header.Get(echo.HeaderContentType)
	if got, _, err := mime.ParseMediaType(kind); err == nil && got == want {
		return nil
	}
	return echo.NewHTTPError(http.StatusUnsupportedMediaType).SetInternal(fault.New(fault.Invalid, "the body is %q and not %s", cut(kind, 60), want))
}

// call gives the caller's call that is addressed.
func (s *Server) call(c echo.Context) (*voice.Call, error) {
	actor, err := s.actor(c)
	if err != nil {
		return nil, err
	}
	if s.options.Calls == nil {
		return nil, fault.New(fault.NotFound, "there is no such call")
	}
	return s.options.Calls.Call(actor, c.Param("id"))
}

// postCall begins a call: an offer comes, an answer goes back (WHIP, RFC 9725).
func (s *Server) postCall(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	if s.options.Calls == nil {
		return fault.Wrap(s.options.NoCalls, fault.Unavailable, "there are no calls on this machine").(*fault.Error).Do("type instead; sandbox doctor says what is missing")
	}
	if err := typed(c, sdp); err != nil {
		return err
	}
	offer, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	call, answer, err := s.options.Calls.Offer(c.Request().Context(), actor, c.Param("id"), string(offer))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Location", "/api/v1/calls/"+call.ID)
	h.Set("ETag", call.ETag())
	h.Set("Accept-Patch", fragment)
	h.Set("Cache-Control", "no-store")
	for _, link := range s.options.Relay.Links(actor.Subject, time.Now()) {
		h.Add("Link", link)
	}
	return c.Blob(http.StatusCreated, sdp, []byte(answer))
}

// patchCall takes further candidates of the page, or restarts ICE (RFC 9725, 4.3).
func (s *Server) patchCall(c echo.Context) error {
	call, err := s.call(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Accept-Patch", fragment)
	if err := typed(c, fragment); err != nil {
		return err
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	answer, err := call.Patch(c.Request().Context(), c.Request().Header.Get("If-Match"), string(body))
	switch {
	case errors.Is(err, voice.ErrNoSession):
		return echo.NewHTTPError(http.StatusPreconditionRequired).SetInternal(err)
	case errors.Is(err, voice.ErrOtherSession):
		return echo.NewHTTPError(http.StatusPreconditionFailed).SetInternal(err)
	case err != nil:
		return err
	}
	if answer == "" {
		return c.NoContent(http.StatusNoContent)
	}
	h := c.Response().Header()
	h.Set("ETag", call.ETag())
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, fragment, []byte(answer))
}

// deleteCall hangs up. An entity tag does not matter here.
func (s *Server) deleteCall(c echo.Context) error {
	call, err := s.call(c)
	if err != nil {
		return err
	}
	if err := call.Close(); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}
