package web

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// sdp is the media type of WHIP (RFC 9725, 4.2).
const sdp = "application/sdp"

// postCall begins a call: an offer comes, an answer goes back (WHIP, RFC 9725).
func (s *Server) postCall(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	if s.options.Calls == nil {
		return fault.Wrap(s.options.NoCalls, fault.Unavailable, "there are no calls on this machine").(*fault.Error).Do("type instead; sandbox doctor says what is missing")
	}
	if kind := c.Request().Header.Get(echo.HeaderContentType); !strings.HasPrefix(kind, sdp) {
		return fault.New(fault.Invalid, "the body is %q and not %s", cut(kind, 60), sdp)
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
	h.Set("ETag", strconv.Quote(call.ID[:16]))
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusCreated, sdp, []byte(answer))
}

// deleteCall hangs up.
func (s *Server) deleteCall(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	if s.options.Calls == nil {
		return fault.New(fault.NotFound, "there is no such call")
	}
	call, err := s.options.Calls.Call(actor, c.Param("id"))
	if err != nil {
		return err
	}
	if err := call.Close(); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}
