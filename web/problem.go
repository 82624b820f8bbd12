package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// problem is an RFC 9457 problem, with the fault's own members.
type problem struct {
	Type       string            `json:"type"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Detail     string            `json:"detail,omitempty"`
	Code       fault.Code        `json:"code"`
	Path       string            `json:"path,omitempty"`
	Violations []fault.Violation `json:"violations,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
	// Error repeats the title for clients of upstream's API, which read {"error"}.
	Error string `json:"error"`
}

// fail answers with the problem of err. It is echo's one error handler.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var status int
	f := faultOf(err)
	status = f.HTTPStatus()
	if f.Code == fault.Internal {
		s.options.Logger.ErrorContext(c.Request().Context(), "request failed", slog.String("requestId", requestID(c)),
			slog.String("route", c.Path()), slog.String("error", err.Error()))
	}
	var e *echo.HTTPError
	if errors.As(err, &e) {
		status = e.Code
	}
	if wantsPage(c.Request()) { // the app says it, in a person's words
		_ = s.page(c, status)
		return
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="sandbox"`)
	}
	if status == http.StatusTooManyRequests && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "5")
	}
	p := problem{
		Type: "about:blank", Title: f.Message, Status: status, Detail: f.Hint, Code: f.Code, Path: f.Path,
		Violations: f.Violations, RequestID: requestID(c), Error: f.Message,
	}
	if c.Request().Method == http.MethodHead {
		_ = c.NoContent(status)
		return
	}
	_ = c.JSON(status, p)
}

// requestID names the request in logs and problems.
func requestID(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// faultOf reads echo's own errors as faults.
func faultOf(err error) *fault.Error {
	var e *echo.HTTPError
	if !errors.As(err, &e) {
		return fault.From(err)
	}
	var f *fault.Error
	if errors.As(e.Internal, &f) {
		return f
	}
	switch e.Code {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "there is nothing at this address")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.Invalid, "this address does not take that method")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.Limited, "the request is too large")
	case http.StatusTooManyRequests:
		return fault.New(fault.Limited, "too many requests").Do("Wait a moment and try again.")
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return fault.New(fault.Invalid, "the request is not what this address takes").Do("Send JSON as the API description says.")
	case http.StatusUnauthorized:
		return fault.New(fault.Unauthenticated, "you are not signed in")
	case http.StatusForbidden:
		return fault.New(fault.Denied, "this request is not allowed")
	case http.StatusServiceUnavailable:
		return fault.New(fault.Unavailable, "this is not available now").Do("Try again in a moment.")
	}
	return fault.From(err)
}
