package hold_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/shell/hold"
)

// TestToolsGateway: a session reaches a server's address and nothing else of its host,
// with the server's headers in the place of its own.
func TestToolsGateway(t *testing.T) {
	t.Parallel()
	var got []string
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, strings.Join([]string{r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Team"), r.Header.Get("Cookie")}, " "))
	}))
	t.Cleanup(far.Close)
	tools := &hold.Tools{Servers: map[string]string{"desk": far.URL + "/mcp", "gone": "http://127.0.0.1:1/mcp"}, Secret: "the session's"}
	gateway, err := tools.Handler(map[string]map[string]string{"desk": {"Authorization": "Bearer far", "X-Team": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	near := httptest.NewServer(gateway)
	t.Cleanup(near.Close)
	for _, c := range []struct {
		path, secret string
		status       int
	}{
		{"/desk", "the session's", http.StatusOK},
		{"/desk", "another's", http.StatusUnauthorized},
		{"/desk", "", http.StatusUnauthorized},
		{"/desk/admin", "the session's", http.StatusNotFound},
		{"/desk/..%2fadmin", "the session's", http.StatusNotFound},
		{"/desk%2f..%2fadmin", "the session's", http.StatusNotFound},
		{"/", "the session's", http.StatusNotFound},
		{"/gone", "the session's", http.StatusBadGateway},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, near.URL+c.path, nil)
		r.Header.Set("Authorization", "Bearer "+c.secret)
		r.Header.Set("Cookie", "a=b")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.status {
			t.Errorf("%s with %q: %d, want %d", c.path, c.secret, answer.StatusCode, c.status)
		}
	}
	if len(got) != 1 || got[0] != "/mcp Bearer far a " {
		t.Errorf("the server got %q", got)
	}
	for name, bad := range map[string]*hold.Tools{
		"no secret":  {Servers: map[string]string{"desk": far.URL}},
		"no address": {Servers: map[string]string{"desk": "/mcp"}, Secret: "x"},
		"a pattern":  {Servers: map[string]string{"{x}": far.URL}, Secret: "x"},
	} {
		if _, err := bad.Handler(nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
