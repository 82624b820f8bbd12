package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/web"
)

const servesEnv = "PREVIEWED_SERVER_AT"

// The test program is also what a session runs: a development server.
func init() {
	at := os.Getenv(servesEnv)
	if at == "" {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "app", Value: "1", Domain: "omani.works"})
		fmt.Fprintf(w, "%s %s host=%s origin=%s cookies=%s", r.Method, r.URL.RequestURI(), r.Host, r.Header.Get("Origin"), r.Header.Get("Cookie"))
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/there?x=1", http.StatusFound)
	})
	mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil) // which checks the origin against the host
		if err != nil {
			return
		}
		kind, p, err := conn.Read(r.Context())
		if err == nil {
			_ = conn.Write(r.Context(), kind, p)
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
	})
	fmt.Println(http.ListenAndServe("localhost:"+at, mux))
	os.Exit(0)
}

// TestPreview goes from the session to what one of its ports serves, as a browser
// does.
func TestPreview(t *testing.T) {
	t.Parallel()
	c, server, _ := newShellConsole(t, func(o *web.Options) { o.PreviewDomain = "previews.omani.works" })
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) *http.Response {
		r := c.signedIn(t, request(method, "/api/v1/sandbox/"+path, body))
		r.Header.Set("Content-Type", "application/json")
		return do(c.Handler(), r)
	}
	res := ask(http.MethodPost, "sessions", fmt.Sprintf(`{"command":[%q],"envMap":{%q:%q}}`, self, servesEnv, port))
	wantStatus(t, res, http.StatusCreated)
	var made shell.Session
	decode(t, res, &made)
	t.Cleanup(func() { ask(http.MethodDelete, "sessions/"+made.ID, "") }) // if it is still there

	// Every name leads to the server.
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(server.URL, "http://"))
		}}}
	get := func(address string, header ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res, string(text)
	}
	open := "sessions/" + made.ID + "/previews/" + port

	ticket := func() *url.URL {
		t.Helper()
		res := ask(http.MethodGet, open+"?path="+url.QueryEscape("/docs?q=1"), "")
		wantStatus(t, res, http.StatusSeeOther)
		to, err := res.Location()
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	to := ticket()
	origin := "https://p" + port + "-" + made.ID + ".previews.omani.works"
	if got := to.Scheme + "://" + to.Host; got != origin {
		t.Fatalf("the preview is at %s, want %s", got, origin)
	}
	at := func(path string) string { return "http://" + to.Host + path }
	jarAt, _ := url.Parse("https://" + to.Host)

	// Without a ticket: a page goes for one, and anything else is refused.
	if res, _ := get(at("/x?y=1"), "Sec-Fetch-Mode", "navigate"); res.StatusCode != http.StatusSeeOther ||
		!strings.HasSuffix(res.Header.Get("Location"), "/api/v1/sandbox/"+open+"?path=%2Fx%3Fy%3D1") {
		t.Errorf("a page without a ticket: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res, _ := get(at("/data"), "Sec-Fetch-Mode", "cors"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("data without a ticket: %d", res.StatusCode)
	}
	if res, _ := get(at("/.sandbox/enter?ticket=guessed")); res.StatusCode != http.StatusForbidden {
		t.Errorf("a guessed ticket: %d", res.StatusCode)
	}

	// With it.
	res, _ = get(at(to.RequestURI()))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/docs?q=1" || len(res.Cookies()) != 1 || !res.Cookies()[0].HttpOnly || !res.Cookies()[0].Secure {
		t.Fatalf("the ticket: %d %v", res.StatusCode, res.Header)
	}
	cookie := res.Cookies()[0]
	if res, _ := get(at(to.RequestURI())); res.StatusCode != http.StatusForbidden {
		t.Errorf("the ticket a second time: %d", res.StatusCode)
	}
	jar.SetCookies(jarAt, nil)
	with := []string{"Cookie", cookie.Name + "=" + cookie.Value + "; mine=2", "Origin", "https://" + to.Host}
	var text string
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { // the server in the session is just starting
		if res, text = get(at("/docs?q=1"), with...); res.StatusCode != http.StatusBadGateway || time.Now().After(end) {
			break
		}
		if !strings.Contains(text, "nothing listens on port "+port) && !strings.Contains(text, "does not answer") {
			t.Fatalf("before it listens: %s", text)
		}
	}
	if want := fmt.Sprintf("GET /docs?q=1 host=localhost:%s origin=http://localhost:%s cookies=mine=2", port, port); text != want {
		t.Errorf("the session is asked %q, want %q", text, want)
	}
	if set := res.Header.Get("Set-Cookie"); set != "app=1" {
		t.Errorf("its cookie is %q", set)
	}
	if res.Header.Get("Content-Security-Policy") != "" {
		t.Error("a preview has our policy")
	}
	if res, _ = get(at("/away"), with...); res.Header.Get("Location") != "/there?x=1" {
		t.Errorf("it leads to %s", res.Header.Get("Location"))
	}
	live, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/live", &websocket.DialOptions{Host: to.Host, HTTPHeader: http.Header{"Cookie": {with[1]}, "Origin": {with[3]}}})
	if err != nil {
		t.Fatal(err)
	}
	defer live.CloseNow()
	if err := live.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := live.Read(t.Context()); err != nil || string(p) != "hello" {
		t.Errorf("the WebSocket says %q, %v", p, err)
	}

	// The cookie is good for this port alone, and ends with the sign-in.
	elsewhere := strings.Replace(at("/docs"), "p"+port+"-", "p1-", 1)
	if res, _ := get(elsewhere, append(with, "Sec-Fetch-Mode", "cors")...); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("another port: %d", res.StatusCode)
	}
	for path, status := range map[string]int{
		"sessions/" + made.ID + "/previews/0":                       http.StatusUnprocessableEntity,
		"sessions/" + made.ID + "/previews/x":                       http.StatusUnprocessableEntity,
		"sessions/" + made.ID + "/previews/65536":                   http.StatusUnprocessableEntity,
		"sessions/" + strings.Repeat("0", 24) + "/previews/" + port: http.StatusNotFound,
	} {
		wantStatus(t, ask(http.MethodGet, path, ""), status)
	}
	wantStatus(t, ask(http.MethodDelete, "sessions/"+made.ID, ""), http.StatusNoContent)
	if res, _ := get(at("/docs"), with...); res.StatusCode != http.StatusBadGateway {
		t.Errorf("after the session's end: %d", res.StatusCode)
	}
}
