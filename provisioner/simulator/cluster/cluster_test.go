package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

var (
	graph = map[string][]string{
		"bp-cilium": nil, "bp-cert-manager": {"bp-cilium"}, "bp-catalyst-platform": {"bp-cert-manager"},
		"app-nextcloud": {"bp-catalyst-platform"},
	}
	order = []string{"bp-cilium", "bp-cert-manager", "bp-catalyst-platform", "app-nextcloud"}
)

var errDone = errors.New("seen enough")

// until watches with the product's own watcher until want holds.
func until(t *testing.T, kc *bootstrap.Kubeconfig, want func(map[string]bootstrap.ReleaseState) bool) (log []bootstrap.ReleaseState) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	now := map[string]bootstrap.ReleaseState{}
	err := bootstrap.Watch(ctx, kc, func(r bootstrap.ReleaseState) error {
		now[r.Name] = r
		log = append(log, r)
		if want(now) {
			return errDone
		}
		return nil
	})
	if !errors.Is(err, errDone) {
		t.Fatalf("the watch ended with %v after %v", err, log)
	}
	return log
}

func all(state string) func(map[string]bootstrap.ReleaseState) bool {
	return func(now map[string]bootstrap.ReleaseState) bool {
		n := 0
		for _, r := range now {
			if r.State == state {
				n++
			}
		}
		return n == len(order)
	}
}

func TestSovereignComesUp(t *testing.T) {
	in, ip := newInbox(t, 2), freeIP()
	var mu sync.Mutex
	var asked []cluster.Sovereign
	c := open(t, cluster.Options{Console: func(_ context.Context, s cluster.Sovereign) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if asked = append(asked, s); len(asked) == 1 {
			return "", errors.New("not yet")
		}
		return "http://console.acme.localhost:1234", nil
	}})
	boot(t, c, 1, ip, userData(t, in.url(), graph, order...))
	log := until(t, access(t, in, ip), all(bootstrap.Installed))

	at := map[string]int{}
	for i, r := range log {
		if r.State == bootstrap.Installed {
			at[r.Name] = i
		}
		for _, d := range r.DependsOn {
			if _, ok := at[d]; !ok && (r.State == bootstrap.Installing || r.State == bootstrap.Installed) {
				t.Errorf("%s is %s before %s is installed", r.Name, r.State, d)
			}
		}
		if r.State == bootstrap.Pending && len(r.DependsOn) > 0 && !strings.Contains(r.Message, "is not ready") {
			t.Errorf("%s waits without saying for what: %q", r.Name, r.Message)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 2 {
		t.Fatalf("the console was asked for %d times, want once failing and once not", len(asked))
	}
	s := asked[1]
	if s.FQDN != "acme.omani.works" || s.DeploymentID != "98395b3d9bd9c1aa" || s.PublicJWK != `{"kty":"RSA"}` ||
		s.OrgName != `Söhne & "Co"` || s.OrgEmail != "sara@acme.example" || !slices.Equal(s.Apps, []string{"nextcloud"}) {
		t.Errorf("the console was told %+v", s)
	}
	if _, err := os.Stat(s.Dir); err != nil {
		t.Errorf("the console's folder: %v", err)
	}
	got := c.Sovereigns()
	if len(got) != 1 || !got[0].Ready || got[0].ConsoleURL != "http://console.acme.localhost:1234" || !got[0].KubeconfigPosted {
		t.Errorf("sovereigns are %+v", got)
	}
}

func TestFailureAndStallAndRepair(t *testing.T) {
	in, ip := newInbox(t, 0), freeIP()
	c := open(t, cluster.Options{FailRelease: []string{"bp-cert-manager"}})
	boot(t, c, 1, ip, userData(t, in.url(), graph, order...))
	kc := access(t, in, ip)
	until(t, kc, func(now map[string]bootstrap.ReleaseState) bool {
		r := now["bp-cert-manager"]
		return r.State == bootstrap.Failed && strings.Contains(r.Message, "Helm install failed") &&
			now["bp-catalyst-platform"].State == bootstrap.Pending
	})
	c.SetFaults(nil, []string{"bp-catalyst-platform"})
	until(t, kc, func(now map[string]bootstrap.ReleaseState) bool {
		return now["bp-cert-manager"].State == bootstrap.Installed && now["bp-catalyst-platform"].State == bootstrap.Installing
	})
	c.SetFaults(nil, nil)
	until(t, kc, all(bootstrap.Installed))
}

func TestRestartResumesAndTheWatchReconnects(t *testing.T) {
	in, ip, dir := newInbox(t, 0), freeIP(), t.TempDir()
	var calls int
	console := func(context.Context, cluster.Sovereign) (string, error) { calls++; return "http://console.test", nil }
	first, err := cluster.New(cluster.Options{Dir: dir, Speed: fast, StallRelease: []string{"bp-catalyst-platform"}, Console: console})
	if err != nil {
		t.Fatal(err)
	}
	boot(t, first, 7, ip, userData(t, in.url(), graph, order...))
	kc := access(t, in, ip)
	stalled := make(chan struct{})
	finished := make(chan error, 1)
	go func() {
		var once sync.Once
		now := map[string]bootstrap.ReleaseState{}
		finished <- (&bootstrap.Watcher{Backoff: 1e7}).Watch(t.Context(), kc, func(r bootstrap.ReleaseState) error {
			now[r.Name] = r
			if r.Name == "bp-catalyst-platform" && r.State == bootstrap.Installing {
				once.Do(func() { close(stalled) })
			}
			if all(bootstrap.Installed)(now) {
				return errDone
			}
			return nil
		})
	}()
	receive(t, stalled, "the stall")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cluster.Options{Dir: dir, Console: console})
	if err := receive(t, finished, "the end of the watch"); !errors.Is(err, errDone) {
		t.Fatal(err)
	}
	if calls != 1 {
		t.Errorf("the console was started %d times", calls)
	}
	if len(in.got) != 0 {
		t.Error("the kubeconfig was posted again after it was accepted")
	}
}

func TestRemoveStopsTheAPIAndForgets(t *testing.T) {
	in, ip, dir := newInbox(t, 0), freeIP(), t.TempDir()
	stopped := make(chan string, 1)
	c := open(t, cluster.Options{Dir: dir, StopConsole: func(_ context.Context, s cluster.Sovereign) error { stopped <- s.FQDN; return nil }})
	boot(t, c, 3, ip, userData(t, in.url(), graph, order...))
	kc := access(t, in, ip)
	until(t, kc, all(bootstrap.Installed))
	c.Remove(3)
	c.Remove(3)
	if got := receive(t, stopped, "the stop of the console"); got != "acme.omani.works" {
		t.Errorf("stopped %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 || len(c.Sovereigns()) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := client(t, kc).Resource(bootstrap.HelmReleases).Namespace("flux-system").List(t.Context(), listAll); err == nil {
		t.Error("the API still answers")
	}
}

func TestBootRefusesAndForgives(t *testing.T) {
	c := open(t, cluster.Options{})
	for name, b := range map[string]cluster.Boot{
		"no id":          {PublicIPv4: "127.64.0.1"},
		"public address": {ServerID: 1, PublicIPv4: "203.0.113.1"},
		"broken yaml":    {ServerID: 2, PublicIPv4: "127.64.0.2", UserData: "#cloud-config\nwrite_files: [\n"},
	} {
		if err := c.Boot(t.Context(), b); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A worker and a plain server boot and serve nothing.
	for id, data := range map[int64]string{10: "", 11: "#!/bin/sh\necho hi\n", 12: "#cloud-config\nwrite_files:\n  - path: /etc/catalyst/bootstrap.env\n    content: \"ROLE='agent'\\nNODE_TOKEN='join-me'\\n\"\n"} {
		boot(t, c, id, freeIP(), data)
		boot(t, c, id, freeIP(), data)
	}
	if got := c.Sovereigns(); len(got) != 0 {
		t.Errorf("sovereigns are %+v", got)
	}
}

func TestKitStandsInForGit(t *testing.T) {
	in, ip := newInbox(t, 0), freeIP()
	c := open(t, cluster.Options{Kit: []cluster.KitRelease{{Name: "bp-cilium"}, {Name: "bp-catalyst-platform", DependsOn: []string{"bp-cilium"}}}})
	boot(t, c, 1, ip, userData(t, in.url(), nil))
	until(t, access(t, in, ip), func(now map[string]bootstrap.ReleaseState) bool {
		return now["app-nextcloud"].State == bootstrap.Installed && len(now) == 3
	})
}
