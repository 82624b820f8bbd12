package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Sovereign is what a Sovereign's console knows of it.
type Sovereign struct {
	FQDN      string         `json:"fqdn"`
	OrgName   string         `json:"orgName"`
	Apps      []SovereignApp `json:"apps"`
	Simulated bool           `json:"simulated"`
}

// SovereignApp is one app on a Sovereign.
type SovereignApp struct {
	Slug    string `json:"slug"`
	Name    string `json:"name"`
	Tagline string `json:"tagline,omitempty"`
	// Release is the name of the HelmRelease that installs it.
	Release string `json:"release,omitempty"`
	// Chart, Version and State are the release's as the cluster has it now; empty
	// where it has not told. State is pending, installing, installed, degraded or
	// failed.
	Chart   string `json:"chart,omitempty"`
	Version string `json:"version,omitempty"`
	State   string `json:"state,omitempty"`
	// URL is the app's address. On a simulated Sovereign it opens Here instead.
	URL string `json:"url"`
	// Here is the page that stands for an app that is simulated.
	Here string `json:"here,omitempty"`
}

// Release is a HelmRelease on the Sovereign as it is now.
type Release struct {
	Name, Chart, Version, State string
}

// AppPage is what the page that stands for a simulated app shows. Anybody may
// read it, as anybody may open an app's sign-in page.
type AppPage struct {
	App SovereignApp `json:"app"`
	// FQDN is the Sovereign's, and Console where its console answers.
	FQDN    string `json:"fqdn"`
	Console string `json:"console"`
}

// sovereign answers with the console's Sovereign and its apps as they are now.
func (s *Server) sovereign(c echo.Context) error {
	out := *s.options.Sovereign
	out.Apps = slices.Clone(out.Apps)
	for i := range out.Apps {
		out.Apps[i] = s.current(out.Apps[i])
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, out)
}

// current fills in what moves of an app.
func (s *Server) current(a SovereignApp) SovereignApp {
	if s.options.Release != nil && a.Release != "" {
		if r, ok := s.options.Release(a.Release); ok {
			a.Chart, a.Version, a.State = r.Chart, r.Version, r.State
		}
	}
	if u, base := s.appBase(); s.options.Sovereign.Simulated && base != "" {
		u.Host, u.Path = a.Slug+"."+u.Host, ""
		a.Here = u.String()
	}
	return a
}

// appBase is the public address without its "console." and the host name that
// the apps stand below; the name is empty where the address has no such part.
func (s *Server) appBase() (url.URL, string) {
	u, err := url.Parse(s.options.PublicURL)
	if err != nil || s.options.Mode != SovereignConsole {
		return url.URL{}, ""
	}
	host, ok := strings.CutPrefix(u.Host, "console.")
	if !ok {
		return url.URL{}, ""
	}
	u.Host = host
	return *u, u.Hostname()
}

// appAt is the simulated app whose address the request was made to.
func (s *Server) appAt(r *http.Request) (SovereignApp, bool) {
	if s.options.Sovereign == nil || !s.options.Sovereign.Simulated {
		return SovereignApp{}, false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, base := s.appBase()
	slug, below := strings.CutSuffix(strings.ToLower(host), "."+base)
	if base == "" || !below {
		return SovereignApp{}, false
	}
	i := slices.IndexFunc(s.options.Sovereign.Apps, func(a SovereignApp) bool { return a.Slug == slug })
	if i < 0 {
		return SovereignApp{}, false
	}
	return s.options.Sovereign.Apps[i], true
}

// appHosts are the names of the simulated apps.
func (s *Server) appHosts() []string {
	_, base := s.appBase()
	if base == "" || !s.options.Sovereign.Simulated {
		return nil
	}
	var out []string
	for _, a := range s.options.Sovereign.Apps {
		out = append(out, a.Slug+"."+base)
	}
	return out
}

// onlyAppPage lets requests to an app's address have the page that stands for
// it and nothing of the console: nobody signs in or is signed in there.
func (s *Server) onlyAppPage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		path := c.Request().URL.Path
		if _, ok := s.appAt(c.Request()); !ok || path == "/" || path == "/api/v1/app" || path == "/healthz" || strings.HasPrefix(path, "/assets/") {
			return next(c)
		}
		return echo.ErrNotFound
	}
}

func (s *Server) appPage(c echo.Context) error {
	app, ok := s.appAt(c.Request())
	if !ok {
		return fault.New(fault.NotFound, "there is no app at this address")
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, AppPage{App: s.current(app), FQDN: s.options.Sovereign.FQDN, Console: s.options.PublicURL + "/sandbox"})
}
