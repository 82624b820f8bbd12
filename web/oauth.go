package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// The documents by which a program finds out how to be let in (RFC 9728, RFC 8414).
const (
	resourceMetadata = "/.well-known/oauth-protected-resource"
	serverMetadata   = "/.well-known/oauth-authorization-server"
)

// MCPResource is the address of the toolbox of a service, by its public address:
// the resource indicator (RFC 8707) and the audience of access tokens.
func MCPResource(publicURL string) string { return strings.TrimSuffix(publicURL, "/") + mcpPath }

// MCPChallenge is what the toolbox adds to WWW-Authenticate (RFC 9728 §5.1). The
// document is named below the base path, where every proxy leads to it.
func MCPChallenge(publicURL string) string {
	return `resource_metadata="` + strings.TrimSuffix(publicURL, "/") + resourceMetadata + mcpPath + `"`
}

// oauthRoutes are the authorization server for the toolbox (OAuth 2.1): public
// clients, PKCE, one resource. Programs register themselves; a client id that is
// the address of a document is not taken, as this service fetches nothing that a
// stranger names.
func (s *Server) oauthRoutes(e *echo.Echo, api *echo.Group) {
	e.GET(resourceMetadata+mcpPath, s.describeResource)
	e.GET(serverMetadata, s.describeServer)
	e.POST("/oauth/register", s.registerClient, byAddress(limit.New(6*time.Second, 20, nil)))
	e.POST("/oauth/token", s.exchange)
	e.POST("/oauth/revoke", s.revokeGrant)
	api.POST("/oauth/request", s.readRequest)
	api.POST("/oauth/decision", s.decide)
}

// wellKnown takes the base path off an address into which the well-known part was
// put before it (RFC 8414 §3.1, RFC 9728 §3.1).
func wellKnown(base string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			u := c.Request().URL
			for _, document := range []string{resourceMetadata, serverMetadata} {
				if rest, ok := strings.CutPrefix(u.Path, document+base); ok && (rest == "" || rest[0] == '/') {
					u.Path, u.RawPath = document+rest, ""
				}
			}
			return next(c)
		}
	}
}

func (s *Server) describeResource(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.JSON(http.StatusOK, map[string]any{
		"resource": MCPResource(s.options.PublicURL), "authorization_servers": []string{s.issuer()}, "resource_name": "OpenOva Sandbox concierge",
		"scopes_supported": identity.Scopes(), "bearer_methods_supported": []string{"header"},
	})
}

func (s *Server) issuer() string { return strings.TrimSuffix(s.options.PublicURL, "/") }

func (s *Server) describeServer(c echo.Context) error {
	at := s.issuer()
	c.Response().Header().Set("Cache-Control", "public, max-age=300")
	return c.JSON(http.StatusOK, map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/oauth/token",
		"registration_endpoint": at + "/oauth/register", "revocation_endpoint": at + "/oauth/revoke", "jwks_uri": at + "/.well-known/jwks.json",
		"scopes_supported": identity.Scopes(), "response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"revocation_endpoint_auth_methods_supported":     []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
		"client_id_metadata_document_supported":          false,
	})
}

// registerClient makes a program known (RFC 7591). What it says beyond its name and
// its addresses is not kept.
func (s *Server) registerClient(c echo.Context) error {
	var in struct {
		Name      string   `json:"client_name"`
		Redirects []string `json:"redirect_uris"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(c.Response(), c.Request().Body, 16<<10)).Decode(&in); err != nil {
		return oauthAnswer(c, &identity.OAuthError{Code: "invalid_client_metadata", Description: "the body is no JSON object with redirect_uris"})
	}
	client, err := s.options.Identity.RegisterClient(in.Name, in.Redirects)
	if err != nil {
		return oauthAnswer(c, err)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, struct {
		identity.OAuthClient
		IssuedAt int64    `json:"client_id_issued_at"`
		Method   string   `json:"token_endpoint_auth_method"`
		Grants   []string `json:"grant_types"`
		Answers  []string `json:"response_types"`
	}{client, time.Now().Unix(), "none", []string{"authorization_code", "refresh_token"}, []string{"code"}})
}

// exchange is the token endpoint (RFC 6749 §3.2).
func (s *Server) exchange(c echo.Context) error {
	form, err := oauthForm(c)
	if err != nil {
		return oauthAnswer(c, err)
	}
	issued, err := s.options.Identity.Exchange(c.Request().Context(), form)
	if err != nil {
		return oauthAnswer(c, err)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, issued)
}

// revokeGrant is the revocation endpoint (RFC 7009).
func (s *Server) revokeGrant(c echo.Context) error {
	form, err := oauthForm(c)
	if err == nil {
		err = s.options.Identity.RevokeGrant(c.Request().Context(), form)
	}
	if err != nil {
		return oauthAnswer(c, err)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.NoContent(http.StatusOK)
}

// oauthForm reads the body of these endpoints; a parameter in the address is none.
func oauthForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, 16<<10)
	if err := r.ParseForm(); err != nil || len(r.PostForm) == 0 {
		return nil, &identity.OAuthError{Code: "invalid_request", Description: "the body is no form (application/x-www-form-urlencoded)"}
	}
	return r.PostForm, nil
}

// oauthAnswer says what went wrong as OAuth does (RFC 6749 §5.2).
func oauthAnswer(c echo.Context, err error) error {
	var e *identity.OAuthError
	if !errors.As(err, &e) {
		return err
	}
	status := http.StatusBadRequest
	if e.Code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, e)
}

// asked is what the app shows a person whom a program asks.
type asked struct {
	Client       string    `json:"client"`
	To           string    `json:"to"`
	OwnComputer  bool      `json:"ownComputer"`
	Organization string    `json:"organization"`
	Until        time.Time `json:"until"`
	Tools        []tool    `json:"tools"`
}

// tool is one thing that a program could do, in plain words.
type tool struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// readRequest says what a program asks for, or where a person is to be led whose
// program has asked wrongly.
func (s *Server) readRequest(c echo.Context) error {
	var in struct {
		Query string `json:"query"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	return s.answer(c, http.StatusOK, "", func(by identity.Claims) (any, error) {
		a, err := s.options.Identity.ReadRequest(by, in.Query)
		if err != nil {
			return nil, err
		}
		if a.Refused != "" {
			return map[string]string{"redirect": a.Refused}, nil
		}
		out := asked{Client: a.Client, To: a.To, OwnComputer: a.OwnComputer, Until: a.Until, Tools: s.toolsOf(a.Capabilities)}
		for _, o := range s.options.Identity.Organizations(by) {
			if o.Current {
				out.Organization = o.Name
			}
		}
		return out, nil
	})
}

// toolsOf are the tools that grants open, in the order of the registry.
func (s *Server) toolsOf(grants []string) []tool {
	out := []tool{}
	for _, known := range identity.Capabilities() {
		granted := slices.ContainsFunc(grants, func(g string) bool { return identity.Covers(g, known.Name) })
		for name, needs := range s.options.Tools {
			if granted && needs == known.Name {
				out = append(out, tool{Name: name, Title: known.Title})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b tool) int { return strings.Compare(a.Title, b.Title) })
	return slices.CompactFunc(out, func(a, b tool) bool { return a.Title == b.Title })
}

// decide answers a program as the person says, and says where it is to be read.
func (s *Server) decide(c echo.Context) error {
	var in struct {
		Query string `json:"query"`
		Allow *bool  `json:"allow"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if in.Allow == nil {
		return fault.New(fault.Invalid, "the decision is missing").At("allow")
	}
	return s.answer(c, http.StatusOK, "redirect", func(by identity.Claims) (any, error) {
		return s.options.Identity.Decide(c.Request().Context(), by, in.Query, *in.Allow)
	})
}
