package main_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/simulator/proc"
)

type info struct {
	URL string
	PID int
}

// local is an HTTP client of the service's socket.
func local(dir string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(dir, "sandbox.sock"))
		}}}
}

func serviceInfo(ctx context.Context, dir string) (info, bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox/local/info", nil)
	if err != nil {
		return info{}, false
	}
	res, err := local(dir).Do(req)
	if err != nil {
		return info{}, false
	}
	defer res.Body.Close()
	var i info
	return i, json.NewDecoder(res.Body).Decode(&i) == nil && i.PID > 1
}

// toApproval takes the founder from hello to the approval card.
func toApproval(k *talk) card.Card {
	k.t.Helper()
	messages := 0
	k.answered() // the greeting
	k.say("Hi, we are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we want to share files.")
	messages++
	k.answered()
	k.say("founder@alnoor.example")
	messages++
	k.answered()
	if _, ok := k.shown(card.KindApproval); !ok {
		if c, ok := k.shown(card.KindSecret); ok {
			k.press(c.ID, "simulated")
		} else {
			k.say("yes, go ahead")
		}
		messages++
		k.answered()
	}
	c, ok := k.shown(card.KindApproval)
	if !ok {
		k.t.Fatalf("no approval after %d messages:\n%s", messages, k.story())
	}
	if messages > 3 {
		k.t.Errorf("%d messages before the approval; with it at most four", messages)
	}
	return c
}

func TestFounderInTheTerminal(t *testing.T) {
	needTofu(t)
	dir := home(t)
	k := startTalk(t, dir)
	approval := toApproval(k)

	spec := k.spec()
	if spec["orgName"] != "Al Noor Dental Clinic" || spec["orgEmail"] != "founder@alnoor.example" {
		t.Errorf("the draft has %v, %v", spec["orgName"], spec["orgEmail"])
	}
	if cost, ok := k.shown(card.KindCost); !ok || !strings.Contains(cost.Text, "EUR") && !strings.Contains(cost.Text, "€") {
		t.Errorf("the cost card says %q", cost.Text)
	}
	k.press(approval.ID, "approve")
	k.status("ready")

	var ready struct {
		HandoverURL string
		ConsoleURL  string
		Links       []card.Link
	}
	for _, e := range k.seen {
		if e.Type == "deployment.ready" {
			_ = e.Decode(&ready)
		}
	}
	if ready.HandoverURL == "" {
		k.until("the ready event", func(e journal.Event) bool { return e.Type == "deployment.ready" && e.Decode(&ready) == nil })
	}
	k.finish()

	installed := map[string]bool{}
	for _, e := range k.seen {
		var d struct{ Release struct{ Name, State string } }
		if e.Type == "deployment.release.changed" && e.Decode(&d) == nil && d.Release.State == "installed" {
			installed[d.Release.Name] = true
		}
	}
	apps, _ := spec["apps"].([]any)
	if len(apps) == 0 || len(installed) != 35+len(apps) {
		t.Errorf("%d releases are installed; want 35 and the apps %v", len(installed), apps)
	}
	enter(t, dir, ready.HandoverURL)
	createdOnce(t, dir)
}

// enter follows the handover link as the signed-in owner, to the page of the new
// Sovereign's console.
func enter(t *testing.T, dir, handover string) {
	t.Helper()
	i, ok := serviceInfo(t.Context(), dir)
	if !ok || !strings.HasPrefix(handover, i.URL+"/deployments/") {
		t.Fatalf("the handover link %q is not on this service (%q)", handover, i.URL)
	}
	// The way of a browser, on the socket where the owner is signed in.
	c := local(dir)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Get("http://sandbox" + strings.TrimPrefix(handover, i.URL))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	to := res.Header.Get("Location")
	if res.StatusCode != http.StatusFound || !strings.Contains(to, "/auth/handover?token=") {
		t.Fatalf("entering answered %d to %q", res.StatusCode, to)
	}
	// Every name below localhost is this machine (RFC 6761); the resolver here may
	// not know it.
	console := &http.Client{Timeout: 10 * time.Second, CheckRedirect: c.CheckRedirect, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(addr)
			var d net.Dialer
			return d.DialContext(ctx, network, "127.0.0.1:"+port)
		}}}
	for attempt, want := range []int{http.StatusFound, http.StatusUnauthorized} {
		res, err := console.Get(to)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("use %d of the handover token answered %d, want %d", attempt+1, res.StatusCode, want)
		}
		if want == http.StatusFound && (res.Header.Get("Location") != "/sandbox" || len(res.Cookies()) == 0) {
			t.Errorf("the handover landed at %q with %d cookies", res.Header.Get("Location"), len(res.Cookies()))
		}
	}
}

// cloudRequests are what the simulated cloud of a data directory was asked.
func cloudRequests(t *testing.T, dir string) []proc.Request {
	t.Helper()
	cloud, ok := proc.Find(filepath.Join(dir, "cloud"))
	if !ok {
		t.Fatal("the simulated cloud does not run")
	}
	requests, err := cloud.Requests(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// createdOnce reads the simulated cloud's request log: nothing with a name was
// created twice.
func createdOnce(t *testing.T, dir string) {
	t.Helper()
	made := map[string]int{}
	for _, r := range cloudRequests(t, dir) {
		if r.Method == http.MethodPost && r.Status == http.StatusCreated && r.Name != "" && strings.Count(r.Path, "/") == 2 {
			made[r.Path+" "+r.Name]++
		}
	}
	if len(made) < 8 {
		t.Errorf("only %d resources were created: %v", len(made), made)
	}
	for name, n := range made {
		if n != 1 {
			t.Errorf("%s was created %d times", name, n)
		}
	}
}
