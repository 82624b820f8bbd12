package proc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/simulator/proc"
)

// TestMain is the cloud itself when Ensure started this binary.
func TestMain(m *testing.M) {
	dir := os.Getenv("SANDBOX_SIMULATOR_DIR")
	switch {
	case dir == "":
		os.Exit(m.Run())
	case len(os.Args) > 1 && os.Args[1] == "fail":
		os.Exit(3)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	speed, err := strconv.ParseFloat(os.Getenv("SANDBOX_SIMULATOR_SPEED"), 64)
	if err == nil {
		var s *simulator.Simulator
		if s, err = simulator.New(simulator.Options{Dir: dir, Speed: speed}); err == nil {
			err = s.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func options(t *testing.T) proc.EnsureOptions {
	t.Helper()
	o := proc.EnsureOptions{Dir: t.TempDir(), Command: []string{os.Args[0]}, Speed: 500}
	t.Cleanup(func() {
		if c, running := proc.Find(o.Dir); running {
			if err := c.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return o
}

func ensure(t *testing.T, o proc.EnsureOptions) *proc.Client {
	t.Helper()
	c, err := proc.Ensure(t.Context(), o)
	if err != nil {
		output, _ := os.ReadFile(filepath.Join(o.Dir, "output.log"))
		t.Fatalf("%v\n%s", err, output)
	}
	return c
}

func TestEnsureStartsOnceAndFindsAgain(t *testing.T) {
	o := options(t)
	var group sync.WaitGroup
	clients := make([]*proc.Client, 5)
	errs := make([]error, len(clients))
	for i := range clients {
		group.Go(func() { clients[i], errs[i] = proc.Ensure(t.Context(), o) })
	}
	group.Wait()
	for i, c := range clients {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if c.PID() != clients[0].PID() || c.URL != clients[0].URL || c.Token != clients[0].Token {
			t.Errorf("caller %d found another cloud: %d at %s", i, c.PID(), c.URL)
		}
	}
	c := clients[0]
	if len(c.Token) != simulator.TokenLength {
		t.Errorf("the token has %d characters", len(c.Token))
	}
	if sid, err := syscall.Getpgid(c.PID()); err != nil || sid != c.PID() {
		t.Errorf("the cloud is not in a group of its own: %d, %v", sid, err)
	}
	if info, err := os.Stat(filepath.Join(o.Dir, "token")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v, %v", info, err)
	}
	client := hcloud.NewClient(hcloud.WithEndpoint(c.URL), hcloud.WithToken(c.Token))
	if _, _, err := client.PlacementGroup.Create(t.Context(), hcloud.PlacementGroupCreateOpts{Name: "g", Type: hcloud.PlacementGroupTypeSpread}); err != nil {
		t.Fatal(err)
	}
	requests, err := c.Requests(t.Context(), 0)
	if err != nil || len(requests) != 1 || requests[0].Name != "g" {
		t.Errorf("unexpected requests: %+v, %v", requests, err)
	}
	if s, err := c.Sovereigns(t.Context()); err != nil || string(s) != "[]" {
		t.Errorf("unexpected sovereigns: %s, %v", s, err)
	}
	if err := c.SetFaults(t.Context(), proc.Faults{FailAction: []string{"create_server"}}); err != nil {
		t.Error(err)
	}
}

func TestEnsureAfterKillKeepsAddressAndToken(t *testing.T) {
	o := options(t)
	first := ensure(t, o)
	if err := syscall.Kill(first.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := ensure(t, o)
	if second.URL != first.URL || second.Token != first.Token || second.PID() == first.PID() {
		t.Errorf("before: %d %s, after: %d %s", first.PID(), first.URL, second.PID(), second.URL)
	}
}

// TestStalePIDIsRecognised writes a spool file that names a process which
// runs, but began at another time: the pid was used again.
func TestStalePIDIsRecognised(t *testing.T) {
	o := options(t)
	data, err := json.Marshal(map[string]any{"pid": os.Getpid(), "startTime": 1, "url": "http://127.0.0.1:1/v1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "process.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found := proc.Find(o.Dir); found {
		t.Error("a stale pid was taken for the cloud")
	}
	if c := ensure(t, o); c.PID() == os.Getpid() {
		t.Error("a stale pid was taken for the cloud")
	}
}

func TestStopEndsIt(t *testing.T) {
	o := options(t)
	c := ensure(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, found := proc.Find(o.Dir); found {
		t.Error("it still runs")
	}
	if err := c.Stop(ctx); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestAFailingCommandIsReported(t *testing.T) {
	o := options(t)
	o.Command = append(o.Command, "fail")
	if _, err := proc.Ensure(t.Context(), o); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("want Unavailable, got %v", err)
	}
	o.Command = nil
	if _, err := proc.Ensure(t.Context(), o); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("want Unavailable, got %v", err)
	}
}

// A caller that is killed right after it started the cloud leaves a spool file
// without an address; whoever comes next completes it.
func TestASpoolWithoutAddressIsCompleted(t *testing.T) {
	o := options(t)
	first := ensure(t, o)
	path := filepath.Join(o.Dir, "process.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var spool map[string]any
	if err := json.Unmarshal(raw, &spool); err != nil {
		t.Fatal(err)
	}
	for k, v := range spool {
		if v == first.URL {
			delete(spool, k)
		}
	}
	if raw, err = json.Marshal(spool); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if again := ensure(t, o); again.URL != first.URL {
		t.Errorf("the cloud is at %q, not %q", again.URL, first.URL)
	}
	if found, ok := proc.Find(o.Dir); !ok || found.URL != first.URL {
		t.Errorf("it was found at %+v", found)
	}
}

// Who starts a cloud can be killed before it has written down whom it started.
func TestACloudWithoutASpoolIsFound(t *testing.T) {
	o := options(t)
	first := ensure(t, o)
	if err := os.Remove(filepath.Join(o.Dir, "process.json")); err != nil {
		t.Fatal(err)
	}
	if again := ensure(t, o); again.PID() != first.PID() || again.URL != first.URL {
		t.Errorf("the cloud is %d at %q, not %d at %q", again.PID(), again.URL, first.PID(), first.URL)
	}
	if found, ok := proc.Find(o.Dir); !ok || found.PID() != first.PID() {
		t.Errorf("it was found at %+v", found)
	}
}
