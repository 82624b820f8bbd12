package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
)

// The scenarios of the conformance suite that our servers fail, and rightly, with
// the reason. A scenario that fails and is not listed fails the test, and so does
// one that is listed and passes.
var (
	offersOnlyTools = map[string]string{
		"logging-set-level":             "no log messages: a tool tells of its progress, and the service keeps its own log",
		"tools-call-with-logging":       "no log messages",
		"completion-complete":           "no prompts or resource templates whose arguments could be completed",
		"resources-list":                "no resources",
		"resources-read-text":           "no resources",
		"resources-read-binary":         "no resources",
		"resources-templates-read":      "no resources",
		"resources-subscribe":           "no resources",
		"resources-unsubscribe":         "no resources",
		"prompts-list":                  "no prompts",
		"prompts-get-simple":            "no prompts",
		"prompts-get-with-args":         "no prompts",
		"prompts-get-embedded-resource": "no prompts",
		"prompts-get-with-image":        "no prompts",
		"tools-call-image":              "a tool answers with JSON",
		"tools-call-audio":              "a tool answers with JSON",
		"tools-call-embedded-resource":  "a tool answers with JSON",
		"tools-call-mixed-content":      "a tool answers with JSON",
		"tools-call-sampling":           "a tool asks the client's model nothing",
		"tools-call-elicitation":        "a tool asks through the card tool, where the person is signed in",
		"elicitation-sep1034-defaults":  "a tool asks through the card tool",
		"elicitation-sep1330-enums":     "a tool asks through the card tool",
		"json-schema-2020-12":           "wants a tool whose schema has references; ours are generated flat",
	}
	narrowToolbox = map[string]string{
		"tools-call-simple-text":   "wants the tool test_simple_text, which the concierge has not",
		"tools-call-error":         "wants the tool test_error_handling",
		"tools-call-with-progress": "wants the tool test_tool_with_progress",
	}
)

var summary = regexp.MustCompile(`(?m)^(✓|✗) ([a-z0-9-]+): (\d+) passed, (\d+) failed$`)

// conformance runs the suite against an endpoint and gives for every scenario
// whether it passed, with all that was said.
func conformance(t *testing.T, endpoint string, scenario string) map[string]bool {
	t.Helper()
	root, err := exec.Command("../../.tools/npm", "--path", "conformance").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(root))
	if _, err := os.Stat(filepath.Join(dir, ".done")); err != nil {
		t.Skip("the MCP conformance suite is not installed; .tools/npm conformance installs it")
	}
	nodes, _ := filepath.Glob(filepath.Join(dir, "node_modules", "node-linux-*", "bin", "node"))
	if len(nodes) == 0 {
		t.Skip("there is no Node.js 22 for this machine on npm, which the MCP conformance suite needs")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := t.TempDir()
	args := []string{filepath.Join(dir, "node_modules", "@modelcontextprotocol", "conformance", "dist", "index.js"), "server", "--url", endpoint, "-o", out}
	if scenario != "" {
		args = append(args, "--scenario", scenario)
	} else {
		args = append(args, "--suite", "all")
	}
	output, err := exec.CommandContext(ctx, nodes[0], args...).CombinedOutput()
	if _, exit := err.(*exec.ExitError); err != nil && !exit {
		t.Fatal(err)
	}
	passed := map[string]bool{}
	if scenario != "" { // then the exit tells, and there is no summary
		passed[scenario] = err == nil
		if err != nil {
			t.Logf("%s", output)
		}
		return passed
	}
	for _, m := range summary.FindAllStringSubmatch(string(output), -1) {
		passed[m[2]] = m[4] == "0"
		if m[4] != "0" {
			t.Logf("%s: %s", m[2], whatFailed(out, m[2]))
		}
	}
	if len(passed) < 30 {
		t.Fatalf("the suite did not run:\n%s", output)
	}
	return passed
}

// whatFailed reads the suite's own words.
func whatFailed(out, scenario string) string {
	files, _ := filepath.Glob(filepath.Join(out, "server-"+scenario+"-2*", "checks.json"))
	var all []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		var checks []struct{ Status, ErrorMessage string }
		_ = json.Unmarshal(raw, &checks)
		for _, c := range checks {
			if c.Status == "FAILURE" {
				all = append(all, c.ErrorMessage)
			}
		}
	}
	return strings.Join(all, "; ")
}

// compare holds the outcome against the tables.
func compare(t *testing.T, passed map[string]bool, tables ...map[string]string) {
	t.Helper()
	expected := map[string]string{}
	for _, table := range tables {
		maps.Copy(expected, table)
	}
	for _, name := range slices.Sorted(maps.Keys(passed)) {
		reason, listed := expected[name]
		switch {
		case !passed[name] && !listed:
			t.Errorf("%s fails", name)
		case passed[name] && listed:
			t.Errorf("%s passes and is listed as failing, because: %s", name, reason)
		}
	}
	for name := range expected {
		if _, ran := passed[name]; !ran {
			t.Errorf("%s is listed and there is no such scenario", name)
		}
	}
}

// withToken is an address that leads to another one and adds a token, since the
// suite cannot send one. The rest of a request stays as it is, Host and Origin
// too.
func withToken(t *testing.T, base, token string) string {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("Authorization", "Bearer "+token)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// The real endpoint of a running service.
func TestConformanceOfTheConcierge(t *testing.T) {
	dir := home(t)
	startAgent(t, dir)
	base, token := bearer(t, dir)
	compare(t, conformance(t, withToken(t, base, token)+"/mcp/concierge", ""), offersOnlyTools, narrowToolbox)
}

type noArguments struct{}

type said struct {
	Text string `json:"text"`
}

// Our transport under a toolbox that has the suite's own tools, so that its
// scenarios about calls mean something. Progress is what the library loses now and
// then, so that scenario is run again and again.
func TestConformanceOfCalls(t *testing.T) {
	r := mcp.NewRegistry("conformance", "1", "", nil)
	mcp.Register(r, mcp.Tool{Name: "test_simple_text", Description: "Answers."}, func(context.Context, mcp.Caller, noArguments) (said, error) {
		return said{"This is a simple text response for testing."}, nil
	})
	mcp.Register(r, mcp.Tool{Name: "test_error_handling", Description: "Fails."}, func(context.Context, mcp.Caller, noArguments) (said, error) {
		return said{}, fault.New(fault.Unavailable, "This tool intentionally returns an error for testing")
	})
	mcp.Register(r, mcp.Tool{Name: "test_tool_with_progress", Description: "Tells of its progress."}, func(ctx context.Context, _ mcp.Caller, _ noArguments) (said, error) {
		for i := range 3 {
			mcp.Progress(ctx, fmt.Sprintf("%d of 3", i+1)) // at once, which is hardest
		}
		return said{"done"}, nil
	})
	e := r.Handler(mcp.HTTPOptions{Authenticate: func(r *http.Request) (mcp.Caller, error) {
		return mcp.Caller{Actor: journal.Actor{Subject: "suite"}, Grants: mcp.Everything}, nil
	}})
	// The service's own server refuses foreign hosts; here it is done by hand.
	var host string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Host != host {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		e.ServeHTTP(w, req)
	}))
	t.Cleanup(func() { s.Close(); _ = e.Close() })
	endpoint := withToken(t, s.URL, "x")
	host = strings.TrimPrefix(endpoint, "http://")
	compare(t, conformance(t, endpoint, ""), offersOnlyTools)
	for range 4 {
		if !conformance(t, endpoint, "tools-call-with-progress")["tools-call-with-progress"] {
			t.Fatal("progress got lost")
		}
	}
}
