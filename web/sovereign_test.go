package web_test

import (
	"net/http"
	"testing"

	"github.com/openova-io/sandbox/web"
)

// simulated is the console of a simulated Sovereign with one app.
func simulated(t *testing.T) console {
	t.Helper()
	return newConsole(t, func(o *web.Options) {
		o.PublicURL = "http://console.omantel.localhost:4711"
		o.Sovereign = &web.Sovereign{FQDN: "omantel.omani.works", OrgName: "Omantel", Simulated: true, Apps: []web.SovereignApp{
			{Slug: "nextcloud", Name: "Nextcloud", Release: "app-nextcloud", URL: "https://nextcloud.omantel.omani.works"},
		}}
		o.Release = func(name string) (web.Release, bool) {
			return web.Release{Name: name, Chart: "bp-nextcloud", Version: "1.x", State: "installed"}, name == "app-nextcloud"
		}
	})
}

func at(host, method, path string) *http.Request {
	r := request(method, path, "")
	r.Host = host
	return r
}

func TestPageOfASimulatedApp(t *testing.T) {
	c := simulated(t)
	const host = "nextcloud.omantel.localhost:4711"
	wantStatus(t, do(c.Handler(), at(host, http.MethodGet, "/")), http.StatusOK)
	res := do(c.Handler(), at(host, http.MethodGet, "/api/v1/app"))
	wantStatus(t, res, http.StatusOK)
	var page web.AppPage
	decode(t, res, &page)
	want := web.AppPage{FQDN: "omantel.omani.works", Console: "http://console.omantel.localhost:4711/sandbox", App: web.SovereignApp{
		Slug: "nextcloud", Name: "Nextcloud", Release: "app-nextcloud", Chart: "bp-nextcloud", Version: "1.x", State: "installed",
		URL: "https://nextcloud.omantel.omani.works", Here: "http://nextcloud.omantel.localhost:4711",
	}}
	if page != want {
		t.Errorf("the page is of %+v", page)
	}
}

// TestAppAddressIsNotTheConsole: nobody is signed in at an app's address, and
// nothing of the console answers there.
func TestAppAddressIsNotTheConsole(t *testing.T) {
	c := simulated(t)
	for _, path := range []string{"/sandbox", "/api/v1/whoami", "/api/v1/sovereign", "/auth/link?code=x", "/auth/handover?token=x", "/metrics", "/.well-known/jwks.json"} {
		wantProblem(t, do(c.Handler(), c.signedIn(t, at("nextcloud.omantel.localhost:4711", http.MethodGet, path))), http.StatusNotFound, "not-found")
	}
	// Nor is the app's page anywhere else.
	wantProblem(t, do(c.Handler(), at("console.omantel.localhost:4711", http.MethodGet, "/api/v1/app")), http.StatusNotFound, "not-found")
	for _, host := range []string{"gitea.omantel.localhost", "nextcloud.omantel.localhost.evil.example", "nextcloud.other.localhost"} {
		wantProblem(t, do(c.Handler(), at(host, http.MethodGet, "/api/v1/app")), http.StatusForbidden, "denied")
	}
}

func TestARealSovereignHasNoPagesForItsApps(t *testing.T) {
	c := newConsole(t, func(o *web.Options) {
		o.Sovereign.Apps = []web.SovereignApp{{Slug: "nextcloud", Name: "Nextcloud", URL: "https://nextcloud.omantel.omani.works"}}
	})
	wantProblem(t, do(c.Handler(), at("nextcloud.omantel.omani.works", http.MethodGet, "/api/v1/app")), http.StatusForbidden, "denied")
	var s web.Sovereign
	decode(t, do(c.Handler(), c.signedIn(t, request(http.MethodGet, "/api/v1/sovereign", ""))), &s)
	if s.Apps[0].Here != "" || s.Apps[0].State != "" {
		t.Errorf("the app is %+v", s.Apps[0])
	}
}
