package web

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// needs are the capabilities of the operations: "GET /api/v1/whoami" to
// "identity.self.read". The API description is where they are written down.
type needs map[string]string

var pathParameter = regexp.MustCompile(`:([A-Za-z]+)`)

func readNeeds() (needs, error) {
	raw, err := OpenAPI()
	if err != nil {
		return nil, err
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the API description cannot be read")
	}
	out := needs{}
	for path, item := range doc.Paths {
		for method, op := range item {
			var o struct {
				Capability string `json:"x-capability"`
			}
			if json.Unmarshal(op, &o) == nil && o.Capability != "" {
				out[strings.ToUpper(method)+" "+path] = o.Capability
			}
		}
	}
	return out, nil
}

// of gives the capability of a route as echo names it.
func (n needs) of(method, path string) (string, bool) {
	capability, ok := n[method+" "+pathParameter.ReplaceAllString(path, "{$1}")]
	return capability, ok
}

// complete refuses to serve routes whose capability nobody has written down, or
// that is not in the registry. The app's pages are public and not described.
func (n needs) complete(e *echo.Echo, pages map[string]bool) error {
	for _, r := range e.Routes() {
		if r.Method == echo.RouteNotFound || pages[r.Method+" "+r.Path] {
			continue
		}
		name, ok := n.of(r.Method, r.Path)
		if !ok {
			return fault.New(fault.Internal, "the route %s %s names no capability", r.Method, r.Path).Do("describe it in openapi.yaml with x-capability")
		}
		if _, ok := identity.CapabilityNamed(name); !ok {
			return fault.New(fault.Internal, "the route %s %s names the capability %s, which is not in the registry", r.Method, r.Path, name)
		}
	}
	return nil
}

// knownTools refuses a toolbox with a tool whose capability is not in the registry,
// or is one for people only.
func knownTools(tools map[string]string) error {
	for tool, name := range tools {
		known, ok := identity.CapabilityNamed(name)
		if !ok {
			return fault.New(fault.Internal, "the tool %s names the capability %s, which is not in the registry", tool, name)
		}
		if known.Person {
			return fault.New(fault.Internal, "the tool %s does what only a person may do (%s)", tool, name)
		}
	}
	return nil
}

// authorize lets a request through whose caller has the capability of its route.
// What is no route of the API, a page or nothing at all, is not decided here.
func (s *Server) authorize(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		capability, described := s.needs.of(c.Request().Method, c.Path())
		switch {
		case !described, capability == identity.Public:
			return next(c)
		case capability == identity.ClusterKubeconfig:
			return next(c) // the cluster's bearer is the proof
		}
		claims, err := s.caller(c)
		switch {
		case capability == identity.UseConcierge && err != nil:
			if err := limited(c, s.strict, limit.Address(c.RealIP())); err != nil {
				return err
			}
			return next(c) // the toolbox refuses it, with the challenge that MCP wants
		case err != nil:
			return err
		}
		return s.recorded(c, claims, capability, func(c echo.Context) error {
			if err := identity.May(claims, capability); err != nil && capability != identity.UseConcierge {
				return err
			}
			ctx, release := s.options.Identity.Bind(c.Request().Context(), claims)
			defer release()
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		})
	}
}

// caller is who calls, with what they may do: the local owner on the socket, else
// what the token says.
func (s *Server) caller(c echo.Context) (identity.Claims, error) {
	if known, ok := c.Request().Context().Value(callerKey{}).(identity.Claims); ok {
		return known, nil
	}
	var claims identity.Claims
	var err error
	if c.Path() == mcpPath { // no cookie is enough there, and its tokens are good nowhere else
		claims, err = s.options.Identity.FromResource(c.Request())
	} else {
		claims, err = s.options.Identity.Authenticate(c.Response(), c.Request(), s.isSecure(c))
	}
	if err != nil {
		return identity.Claims{}, err
	}
	c.SetRequest(withCaller(c.Request(), claims))
	return claims, nil
}

// appRoute registers a page or a file of the app, which everybody may load.
func (s *Server) appRoute(e *echo.Echo, path string, h echo.HandlerFunc) {
	s.pages[http.MethodGet+" "+path] = true
	e.GET(path, h)
}
