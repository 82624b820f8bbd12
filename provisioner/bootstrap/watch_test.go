package bootstrap_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openova-io/sandbox/provisioner/bootstrap"
)

// hostile is an API server on a loopback address and port 6443 that answers as
// the test wants.
func hostile(t *testing.T, h http.HandlerFunc) *bootstrap.Kubeconfig {
	t.Helper()
	ip := fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()/200%60, 1+os.Getpid()%200, 251+used.Add(1)%4)
	k := newServerKeys(t, ip)
	l, err := net.Listen("tcp", ip+":6443")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{k.pair}}}
	go func() { _ = srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = srv.Close() })
	raw := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"a","clusters":[{"name":"a","cluster":{"server":"https://%s:6443","certificate-authority-data":%q}}],
"contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],"users":[{"name":"a","user":{"token":"secret"}}]}`, ip, k.ca)
	kc, err := bootstrap.ParseKubeconfig([]byte(raw), []string{ip})
	if err != nil {
		t.Fatal(err)
	}
	return kc
}

var used atomic.Uint32

func event(kind, name, reason, status, message string) string {
	b, _ := json.Marshal(map[string]any{"type": kind, "object": release(name, reason, status, message).Object})
	return string(b) + "\n"
}

func release(name, reason, status, message string) *unstructured.Unstructured {
	o := map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
		"metadata": map[string]any{"name": name, "namespace": "flux-system", "resourceVersion": "5"},
	}
	if reason != "" {
		o["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": status, "reason": reason, "message": message}}}
	}
	return &unstructured.Unstructured{Object: o}
}

const bookmark = `{"type":"BOOKMARK","object":{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}` + "\n"

// stream sends the initial events and then more, and keeps the watch open.
func stream(w http.ResponseWriter, r *http.Request, more string, events ...string) {
	w.Header().Set("Content-Type", "application/json")
	if r.FormValue("watch") == "" { // after a failure the reflector lists first
		var items []json.RawMessage
		for _, e := range events {
			var ev struct{ Object json.RawMessage }
			_ = json.Unmarshal([]byte(e), &ev)
			items = append(items, ev.Object)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmReleaseList", "metadata": map[string]any{"resourceVersion": "5"}, "items": items,
		})
		return
	}
	if r.FormValue("sendInitialEvents") == "true" {
		_, _ = fmt.Fprint(w, strings.Join(events, "")+bookmark)
	}
	_, _ = fmt.Fprint(w, more)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

var errEnough = errors.New("enough")

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestWatchReportsOnlyChanges(t *testing.T) {
	kc := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || !strings.HasSuffix(r.URL.Path, "/namespaces/flux-system/helmreleases") {
			t.Errorf("an unexpected request: %s", r.URL.Path)
		}
		stream(w, r, event("MODIFIED", "a", "Progressing", "Unknown", "running")+event("MODIFIED", "a", "Progressing", "Unknown", "running")+
			event("DELETED", "a", "Progressing", "Unknown", "running")+event("ADDED", "b", "", "", ""), event("ADDED", "a", "", "", ""))
	})
	var got []string
	err := bootstrap.Watch(limited(t), kc, func(r bootstrap.ReleaseState) error {
		if r.DependsOn == nil {
			t.Error("DependsOn is nil")
		}
		got = append(got, r.Name+" "+r.State)
		if r.Name == "b" {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || strings.Join(got, ",") != "a pending,a installing,a pending,b pending" {
		t.Errorf("%v, %v", err, got)
	}
}

func TestWatchFollowsNoRedirect(t *testing.T) {
	var stolen atomic.Bool
	elsewhere := hostile(t, func(http.ResponseWriter, *http.Request) { stolen.Store(true) })
	var n atomic.Int32
	kc := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 3 {
			http.Redirect(w, r, elsewhere.Server()+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		stream(w, r, "", event("ADDED", "a", "InstallSucceeded", "True", "ok"))
	})
	var states []string
	w := &bootstrap.Watcher{Backoff: time.Millisecond, Substate: func(s string) { states = append(states, s) }}
	if err := w.Watch(limited(t), kc, func(bootstrap.ReleaseState) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if stolen.Load() {
		t.Error("a redirect was followed")
	}
	if len(states) < 2 || states[0] != bootstrap.Reconnecting || states[len(states)-1] != bootstrap.Watching {
		t.Errorf("substates %v", states)
	}
}

func TestWatchSurvivesEndlessAnswersAndGarbage(t *testing.T) {
	var n atomic.Int32
	kc := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch n.Add(1) {
		case 1: // an object that never ends
			_, _ = fmt.Fprint(w, `{"type":"ADDED","object":{"x":"`)
			chunk := strings.Repeat("x", 1<<20)
			for range 64 {
				if _, err := fmt.Fprint(w, chunk); err != nil {
					return
				}
			}
			t.Error("the whole endless answer was read")
		case 2:
			_, _ = fmt.Fprint(w, "}}}} no json\n")
		case 3:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			stream(w, r, "", event("ADDED", "a", "Any", "False", "\x1b[31mred\u202e\n"+strings.Repeat("m", 9999)))
		}
	})
	err := (&bootstrap.Watcher{Backoff: time.Millisecond}).Watch(limited(t), kc, func(r bootstrap.ReleaseState) error {
		if len([]rune(r.Message)) != bootstrap.MaxMessage || strings.ContainsAny(r.Message, "\x1b\n\u202e") {
			t.Errorf("the message is %q", r.Message)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	kc := hostile(t, func(w http.ResponseWriter, r *http.Request) { cancel(); stream(w, r, "") })
	if err := bootstrap.Watch(ctx, kc, func(bootstrap.ReleaseState) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestStates(t *testing.T) {
	for _, tc := range []struct{ status, reason, want string }{
		{"", "", bootstrap.Pending},
		{"True", "InstallSucceeded", bootstrap.Installed},
		{"Unknown", "Progressing", bootstrap.Installing},
		{"False", "DependencyNotReady", bootstrap.Pending},
		{"False", "SourceNotReady", bootstrap.Pending},
		{"False", "InstallFailed", bootstrap.Failed},
		{"False", "UpgradeFailed", bootstrap.Failed},
		{"False", "ArtifactFailed", bootstrap.Failed},
		{"False", "HealthCheckFailed", bootstrap.Degraded},
		{"False", "Something", bootstrap.Degraded},
	} {
		got, ok := bootstrap.StateOf(release("a", tc.reason, tc.status, "m"))
		if !ok || got.State != tc.want {
			t.Errorf("%s %s is %s, want %s", tc.status, tc.reason, got.State, tc.want)
		}
	}
	o := release("a", "DependencyNotReady", "False", "m")
	_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"name": "a"}}, "status", "history")
	if got, _ := bootstrap.StateOf(o); got.State != bootstrap.Degraded {
		t.Errorf("what ran before and waits now is %s", got.State)
	}
	o = release("a", "InstallSucceeded", "True", "m")
	o.SetGeneration(2)
	if got, _ := bootstrap.StateOf(o); got.State != bootstrap.Installing {
		t.Errorf("what is ready of an older generation is %s", got.State)
	}
	if _, ok := bootstrap.StateOf(release("a\x1b", "", "", "")); ok {
		t.Error("a name with a control character was accepted")
	}
}

func FuzzStateOf(f *testing.F) {
	b, _ := json.Marshal(release("a", "Progressing", "Unknown", "m"))
	f.Add(b)
	f.Add([]byte(`{"spec":{"dependsOn":[1,{"name":2}]},"status":{"conditions":"x"},"metadata":{"name":"a"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m map[string]any
		if json.Unmarshal(raw, &m) != nil {
			return
		}
		s, ok := bootstrap.StateOf(&unstructured.Unstructured{Object: m})
		if ok && (s.Name == "" || s.DependsOn == nil || len([]rune(s.Message)) > bootstrap.MaxMessage) {
			t.Fatalf("got %+v", s)
		}
	})
}
