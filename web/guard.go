package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
)

// contentSecurityPolicy is what the app needs, and no more: it has no inline
// script or style and asks no other origin.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'"

// headers are set on every answer.
func (s *Server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
		if s.isSecure(c) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !plainID(id) || !s.fromProxy(c.Request()) {
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

// sameOrigin refuses cross-site requests that change something, and WebSockets of
// another site's pages: they carry our cookie, and know no same-origin rule.
func sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Header.Get("Upgrade") != "" { // it changes something, though it is a GET
				r = r.Clone(r.Context())
				r.Method = http.MethodPost
			}
			if err := protection.Check(r); err != nil {
				return fault.New(fault.Denied, "a page of another site may not do this")
			}
			return next(c)
		}
	}
}

// trusted reads the addresses of proxies.
func trusted(proxies []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, p := range proxies {
		if a, err := netip.ParseAddr(p); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the trusted proxy %q is neither an address nor a network", cut(p, 80)).Do("Write 10.0.0.7 or 10.0.0.0/8.")
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// fromProxy tells whether a request comes directly from a proxy of ours. What
// anybody else says of where a request comes from is not believed.
func (s *Server) fromProxy(r *http.Request) bool {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := a.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(from) })
}

// address finds the caller behind our proxies: the last address in
// X-Forwarded-For that is none of them.
func (s *Server) address() echo.IPExtractor {
	if len(s.proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range s.proxies {
		bits := 8 * len(p.Addr().AsSlice())
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), bits)}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// isSecure tells whether the person's browser came by https.
func (s *Server) isSecure(c echo.Context) bool { return s.secure || c.Request().TLS != nil }

// underBase takes the base path off, for a proxy that leaves it on. One that takes
// it off itself is as welcome.
func underBase(base string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			rest, ok := strings.CutPrefix(r.URL.Path, base)
			if !ok || rest != "" && rest[0] != '/' {
				return next(c)
			}
			r.URL.Path, r.URL.RawPath = "/"+strings.TrimPrefix(rest, "/"), strings.TrimPrefix(r.URL.RawPath, base) // the router looks at this very request
			return next(c)
		}
	}
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
