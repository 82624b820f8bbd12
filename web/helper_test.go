package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// publicURL is where the tests' server says that it is.
const publicURL = "https://console.omantel.omani.works"

var owner = journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true}

// console is the server of a Sovereign's console, which needs no other service,
// with the identity that signs people in to it.
type console struct {
	*web.Server
	identity *identity.Identity
}

func newConsole(t testing.TB, change func(*web.Options)) console {
	t.Helper()
	id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	options := web.Options{
		Mode: web.SovereignConsole, Identity: id, App: app(), PublicURL: publicURL, AllowedHosts: []string{"*.sandbox.test"},
		Owner:     owner,
		Sovereign: &web.Sovereign{FQDN: "omantel.omani.works", OrgName: "Omantel", Apps: []web.SovereignApp{}},
	}
	if change != nil {
		change(&options)
	}
	s, err := web.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return console{s, options.Identity}
}

// app is a built app of three files.
func app() fstest.MapFS {
	return fstest.MapFS{
		"index.html":               {Data: []byte("<!doctype html><title>Sandbox</title>")},
		"assets/main-Ab3_-9xZ.js":  {Data: []byte(strings.Repeat("console.log('hello');\n", 100))},
		"assets/app.webmanifest":   {Data: []byte("{}")},
		"assets/icons/favicon.svg": {Data: []byte("<svg/>")},
		"secret.txt":               {Data: []byte("not an asset")},
	}
}

// appWith is the app with another page.
func appWith(page string) fstest.MapFS {
	a := app()
	a["index.html"] = &fstest.MapFile{Data: []byte(page)}
	return a
}

// signedIn adds a session of a person to the request.
func (c console) signedIn(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	token, _, err := c.identity.Token(journal.Actor{Kind: journal.Human, Subject: "layla", Email: "layla@omantel.example", EmailVerified: true}, identity.RoleSovereignAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// request makes a request to the public host.
func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "console.omantel.omani.works"
	return r
}

func do(h http.Handler, r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

// decode reads a JSON answer.
func decode(t testing.TB, res *http.Response, into any) {
	t.Helper()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func wantStatus(t *testing.T, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		t.Fatalf("status %d, want %d: %s", res.StatusCode, want, body(t, res))
	}
}

// problem is what a client reads of a problem.
type problem struct {
	Type, Title, Detail, Code, RequestID, Error string
	Status                                      int
}

// wantProblem fails the test unless the answer is a whole problem of the code.
func wantProblem(t *testing.T, res *http.Response, status int, code string) problem {
	t.Helper()
	wantStatus(t, res, status)
	if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the problem is %q", kind)
	}
	var p problem
	decode(t, res, &p)
	if p.Status != status || p.Code != code || p.Title == "" || p.Error != p.Title || p.Type != "about:blank" || p.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("the problem is %+v", p)
	}
	return p
}

// idle are the parts of a provisioner that reading a deployment does not use.
type idle struct {
	provisioner.Secrets
	provisioner.Engine
	provisioner.Watcher
	provisioner.Minter
}

// newProvisioner gives one that reads deployments of a journal, and its catalogue.
func newProvisioner(t *testing.T, j *journal.Journal, secrets provisioner.Secrets) (*provisioner.Service, *provisioner.Catalogue) {
	t.Helper()
	cat, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var none idle
	service, err := provisioner.New(provisioner.Options{
		Journal: j, Catalogue: cat, Cloud: provisioner.Simulated, PublicURL: publicURL, DataDir: t.TempDir(),
		Vault: secrets, Engine: none, Watcher: none, Minter: none,
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) { return provisioner.Endpoint{}, nil },
		Entrance:      func(context.Context, provisioner.Deployment) (string, error) { return publicURL, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return service, cat
}
