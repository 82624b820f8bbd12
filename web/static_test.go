package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openova-io/sandbox/web"
)

func TestPagesAreTheApp(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{"/sandbox", "/sandbox/", "/sandbox/deployments/1"} {
		t.Run(path, func(t *testing.T) {
			res := do(c.Handler(), request(http.MethodGet, path, ""))
			wantStatus(t, res, http.StatusOK)
			if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
				t.Errorf("the page is %q", kind)
			}
			if cache := res.Header.Get("Cache-Control"); cache != "no-cache" {
				t.Errorf("the page is cached: %q", cache)
			}
			if !strings.Contains(body(t, res), "<title>Sandbox</title>") {
				t.Error("it is not the app")
			}
		})
	}
	res := do(c.Handler(), request(http.MethodGet, "/", ""))
	wantStatus(t, res, http.StatusFound)
	if to := res.Header.Get("Location"); to != "/sandbox" {
		t.Errorf("/ leads to %q", to)
	}
	// The concierge's page is not on a console.
	wantProblem(t, do(c.Handler(), request(http.MethodGet, "/start", "")), http.StatusNotFound, "not-found")
}

func TestConciergeBeginsAtStart(t *testing.T) {
	c := newConsole(t, func(o *web.Options) { o.Mode, o.Sovereign = web.Concierge, nil })
	if to := do(c.Handler(), request(http.MethodGet, "/", "")).Header.Get("Location"); to != "/start" {
		t.Errorf("/ leads to %q", to)
	}
	wantStatus(t, do(c.Handler(), request(http.MethodGet, "/start", "")), http.StatusOK)
}

func TestPageOfABinaryWithoutApp(t *testing.T) {
	c := newConsole(t, func(o *web.Options) { o.App = nil })
	res := do(c.Handler(), request(http.MethodGet, "/sandbox", ""))
	wantStatus(t, res, http.StatusOK)
	if page := body(t, res); !strings.Contains(page, "make build") {
		t.Errorf("the page does not say what to do: %s", page)
	}
	wantProblem(t, do(c.Handler(), request(http.MethodGet, "/assets/main.js", "")), http.StatusNotFound, "not-found")
}

func TestAssets(t *testing.T) {
	c := newConsole(t, nil)
	for path, want := range map[string]struct{ kind, cache string }{
		"/assets/main-Ab3_-9xZ.js":  {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/assets/app.webmanifest":   {"application/manifest+json", "no-cache"},
		"/assets/icons/favicon.svg": {"image/svg+xml", "no-cache"},
	} {
		t.Run(path, func(t *testing.T) {
			res := do(c.Handler(), request(http.MethodGet, path, ""))
			wantStatus(t, res, http.StatusOK)
			if kind := res.Header.Get("Content-Type"); kind != want.kind {
				t.Errorf("the type is %q, want %q", kind, want.kind)
			}
			if cache := res.Header.Get("Cache-Control"); cache != want.cache {
				t.Errorf("cached as %q, want %q", cache, want.cache)
			}
			tag := res.Header.Get("ETag")
			if tag == "" {
				t.Fatal("there is no ETag")
			}
			r := request(http.MethodGet, path, "")
			r.Header.Set("If-None-Match", tag)
			res = do(c.Handler(), r)
			wantStatus(t, res, http.StatusNotModified)
			if n := len(body(t, res)); n != 0 {
				t.Errorf("the unchanged file is sent again, %d bytes", n)
			}
			r.Header.Set("If-None-Match", `"another"`)
			wantStatus(t, do(c.Handler(), r), http.StatusOK)
		})
	}
}

// TestMissingAssets: what is not there is a problem and never the app's page,
// which a browser would run as a script.
func TestMissingAssets(t *testing.T) {
	c := newConsole(t, nil)
	for _, path := range []string{
		"/assets/", "/assets/icons", "/assets/icons/", "/assets/gone-Ab3_-9xZ.js", "/assets/../secret.txt",
		"/assets/..%2fsecret.txt", "/assets/%2e%2e/index.html", `/assets/..%5csecret.txt`, "/assets/main-Ab3_-9xZ.js/x", "/assets/%00",
	} {
		t.Run(path, func(t *testing.T) {
			res := do(c.Handler(), request(http.MethodGet, path, ""))
			wantProblem(t, res, http.StatusNotFound, "not-found")
			if cache := res.Header.Get("Cache-Control"); cache != "no-store" {
				t.Errorf("a missing file is cached: %q", cache)
			}
		})
	}
}

func TestAssetsAreCompressed(t *testing.T) {
	c := newConsole(t, func(o *web.Options) {
		files := app()
		files["assets/main-Ab3_-9xZ.js.br"] = &fstest.MapFile{Data: []byte("brotli")}
		o.App = files
	})
	ask := func(accept string) *http.Response {
		r := request(http.MethodGet, "/assets/main-Ab3_-9xZ.js", "")
		r.Header.Set("Accept-Encoding", accept)
		res := do(c.Handler(), r)
		wantStatus(t, res, http.StatusOK)
		if !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: a cache would mix the forms: %v", accept, res.Header)
		}
		return res
	}
	tags := map[string]string{}
	for accept, want := range map[string]string{"": "", "gzip": "gzip", "gzip, deflate, br": "br", "br;q=0, gzip": "gzip", "GZIP ; q=0": "", "zstd": ""} {
		res := ask(accept)
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q is answered as %q, want %q", accept, got, want)
		}
		if other, known := tags[want]; known && other != res.Header.Get("ETag") {
			t.Errorf("%q has another ETag", accept)
		}
		tags[want] = res.Header.Get("ETag")
	}
	if len(tags) != 3 || tags[""] == tags["br"] || tags["br"] == tags["gzip"] {
		t.Errorf("the forms share an ETag: %v", tags)
	}
	if got := body(t, ask("br")); got != "brotli" {
		t.Errorf("the file that the build compressed is not sent: %q", got)
	}
	z, err := gzip.NewReader(ask("gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if string(plain) != string(app()["assets/main-Ab3_-9xZ.js"].Data) {
		t.Error("the file is another one after compression")
	}
	// The twin is no file of its own.
	wantProblem(t, do(c.Handler(), request(http.MethodGet, "/assets/main-Ab3_-9xZ.js.br", "")), http.StatusNotFound, "not-found")
}

func TestBrowsersGetAPageOfWhatWentWrong(t *testing.T) {
	c := newConsole(t, func(o *web.Options) { o.Mode, o.Sovereign = web.Concierge, nil })
	for path, want := range map[string]int{"/nothing": http.StatusNotFound, "/deployments/1/enter": http.StatusUnauthorized} {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Accept", "text/html,application/xhtml+xml")
		res := do(c.Handler(), r)
		wantStatus(t, res, want)
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s is answered with %v", path, res.Header)
		}
		if !strings.Contains(body(t, res), "<title>Sandbox</title>") {
			t.Errorf("%s is not answered by the app", path)
		}
	}
	// Programs get problems, and so do browsers that ask the API.
	wantProblem(t, do(c.Handler(), request(http.MethodGet, "/nothing", "")), http.StatusNotFound, "not-found")
	r := request(http.MethodGet, "/api/v1/nothing", "")
	r.Header.Set("Accept", "text/html")
	wantProblem(t, do(c.Handler(), r), http.StatusNotFound, "not-found")
}
