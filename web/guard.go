package web

import (
	"context"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// contentSecurityPolicy is what the app needs, and no more: it has no inline
// script or style and asks no other origin.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'"

// headers are set on every answer.
func headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !plainID(id) {
			id = uuid.NewString()
		}
		h.Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	return true
}

// hosts refuses requests for a host name that is not ours, which is how a hostile
// page would reach a service on loopback (DNS rebinding).
func hosts(allowed []string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			host := c.Request().Host
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h
			}
			host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
			for _, a := range allowed {
				suffix, wildcard := strings.CutPrefix(a, "*")
				if host == a || wildcard && strings.HasSuffix(host, suffix) {
					return next(c)
				}
			}
			return fault.New(fault.Denied, "this service does not answer for the host %q", cut(host, 80)).
				Do("Use the address that it printed, or name the host in --allowed-hosts.")
		}
	}
}

// sameOrigin refuses cross-site requests that change something.
func sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return fault.New(fault.Denied, "a page of another site may not do this")
			}
			return next(c)
		}
	}
}

// limited is the middleware of unauthenticated routes: so many requests per
// address.
func limited(l *limit.Limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if wait, ok := l.Allow(limit.Address(c.RealIP())); !ok {
				return tooMany(c, wait)
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
			if wait, ok := l.Allow(claims.Subject); !ok {
				return tooMany(c, wait)
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

type callerKey struct{}

// withCaller marks a request as coming from a known caller.
func withCaller(r *http.Request, c identity.Claims) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// actor is who calls, as other rooms know people.
func (s *Server) actor(c echo.Context) (journal.Actor, error) {
	claims, err := s.caller(c)
	if err != nil {
		return journal.Actor{}, err
	}
	via, _ := c.Get("via").(string)
	switch {
	case claims.Type == identity.TypePAT:
		via = "api"
	case via == "":
		via = "web"
	}
	return claims.Actor(via), nil
}

// cut shortens text that comes from outside before it is quoted.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
