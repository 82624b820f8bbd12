package web

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// readOnly are the public operations that only give what is in memory. What is not
// here is limited strictly, since a guess or a row in a store may be behind it, and
// so is what is added tomorrow.
var readOnly = map[string]bool{
	"GET /healthz": true, "GET /readyz": true, "GET /.well-known/jwks.json": true, "GET /api/v1/version": true,
	"GET " + resourceMetadata + mcpPath: true, "GET " + serverMetadata: true,
	"GET /api/v1/openapi.json": true, "GET /api/v1/cards/schema.json": true, "GET /api/v1/app": true,
}

// strictly and freely are how often an address may ask what anybody may.
func strictly() *limit.Limiter { return limit.New(time.Second/2, 60, nil) }
func freely() *limit.Limiter   { return limit.New(time.Second/100, 3000, nil) }

// limited refuses a request when its key has used up what it has.
func limited(c echo.Context, l *limit.Limiter, key string) error {
	if wait, ok := l.Allow(key); !ok {
		return tooMany(c, wait)
	}
	return nil
}

// byAddress is limited for routes that may be asked less often than others.
func byAddress(l *limit.Limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := limited(c, l, limit.Address(c.RealIP())); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// byCaller is limited for routes with a caller: so many per person, wherever they are.
func (s *Server) byCaller(l *limit.Limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			claims, err := s.caller(c)
			if err != nil {
				return err
			}
			if err := limited(c, l, claims.Subject); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// tooMany says when to come again.
func tooMany(c echo.Context, wait time.Duration) error {
	seconds := int(math.Ceil(wait.Seconds()))
	c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
	return fault.New(fault.Limited, "too many requests").Do("Wait %d seconds and try again.", seconds)
}

// perAddress limits what an address may ask without being known: every operation
// that needs no capability, the pages, and every request that turns out to have no
// good proof of who sent it.
func (s *Server) perAddress(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		operation := c.Request().Method + " " + c.Path()
		capability, described := s.needs.of(c.Request().Method, c.Path())
		open := !described || capability == identity.Public || capability == identity.ClusterKubeconfig
		if open {
			l := s.strict
			if readOnly[operation] || s.pages[operation] {
				l = s.free
			}
			if err := limited(c, l, limit.Address(c.RealIP())); err != nil {
				return err
			}
		}
		err := next(c)
		if !open && err != nil && fault.CodeOf(err) == fault.Unauthenticated && !c.Response().Committed {
			if refused := limited(c, s.strict, limit.Address(c.RealIP())); refused != nil {
				return refused
			}
		}
		return err
	}
}

// within bounds the time that a request's body and its answer may take: so long
// for each piece, since a stream may go on for hours.
func within(patience time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			rc := http.NewResponseController(c.Response().Writer)
			c.Response().Writer = &timedWriter{c.Response().Writer, rc, patience}
			r := c.Request()
			if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Upgrade") != "" {
				return next(c)
			}
			body := &timedBody{ReadCloser: r.Body, rc: rc, patience: patience}
			r.Body = body
			err := next(c)
			if !body.done { // what was left unread is thrown away by the server, not for ever
				_ = rc.SetReadDeadline(time.Now().Add(patience))
			}
			return err
		}
	}
}

type timedWriter struct {
	http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration
}

func (w *timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *timedWriter) Write(p []byte) (int, error) {
	_ = w.rc.SetWriteDeadline(time.Now().Add(w.patience))
	return w.ResponseWriter.Write(p)
}

// timedBody gives a body one deadline for all of it: a byte a second is no body.
type timedBody struct {
	io.ReadCloser
	rc            *http.ResponseController
	patience      time.Duration
	started, done bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	if !b.started {
		b.started = true
		_ = b.rc.SetReadDeadline(time.Now().Add(b.patience))
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.done {
		b.done = true
		_ = b.rc.SetReadDeadline(time.Time{}) // it would end the answer, too
	}
	return n, err
}
