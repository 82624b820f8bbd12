package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/provisioner/simulator"
)

// token is a well-formed token; without one of its own the simulator accepts
// every such token.
var token = strings.Repeat("t", simulator.TokenLength)

// TestMain runs the simulator itself when a test started this binary as its
// child process.
func TestMain(m *testing.M) {
	dir := os.Getenv("SIMULATOR_TEST_DIR")
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	speed, err := strconv.ParseFloat(os.Getenv("SIMULATOR_TEST_SPEED"), 64)
	if err == nil {
		var s *simulator.Simulator
		if s, err = simulator.New(simulator.Options{Dir: dir, Speed: speed, RateLimit: -1}); err == nil {
			fmt.Println(s.URL()) // it listens
			err = s.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// cloud is a running simulator and a client of it.
type cloud struct {
	*simulator.Simulator
	*hcloud.Client
	t testing.TB
	// stop ends the simulator and waits for it.
	stop func()
}

// start runs a simulator that is 1000 times as fast as the real cloud unless
// the options say otherwise.
func start(t testing.TB, o simulator.Options) *cloud {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Speed == 0 {
		o.Speed = 1000
	}
	if o.RateLimit == 0 {
		o.RateLimit = -1
	}
	s, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	c := &cloud{Simulator: s, Client: newClient(s.URL(), token), t: t}
	c.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the simulator ended with: %v", err)
		}
	}
	t.Cleanup(c.stop)
	return c
}

// on is the cloud as another test, such as one input of a fuzz target, uses it.
func (c *cloud) on(t testing.TB) *cloud {
	other := *c
	other.t = t
	return &other
}

func newClient(url, token string) *hcloud.Client {
	return hcloud.NewClient(hcloud.WithEndpoint(url), hcloud.WithToken(token),
		hcloud.WithPollOpts(hcloud.PollOpts{BackoffFunc: hcloud.ConstantBackoff(2 * time.Millisecond)}),
		hcloud.WithRetryOpts(hcloud.RetryOpts{BackoffFunc: hcloud.ConstantBackoff(5 * time.Millisecond), MaxRetries: 20}))
}

// wait waits for actions to succeed.
func (c *cloud) wait(actions ...*hcloud.Action) {
	c.t.Helper()
	if err := c.Action.WaitFor(c.t.Context(), actions...); err != nil {
		c.t.Fatal(err)
	}
}

// got gives the value of an hcloud call that has to succeed.
func got[T any](t testing.TB) func(T, *hcloud.Response, error) T {
	return func(value T, _ *hcloud.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// server makes a small server in Helsinki and waits until it runs.
func (c *cloud) server(name string, change func(*hcloud.ServerCreateOpts)) *hcloud.Server {
	c.t.Helper()
	opts := hcloud.ServerCreateOpts{
		Name: name, ServerType: &hcloud.ServerType{Name: "cpx22"}, Image: &hcloud.Image{Name: "ubuntu-24.04"}, Location: &hcloud.Location{Name: "hel1"},
	}
	if change != nil {
		change(&opts)
	}
	result := got[hcloud.ServerCreateResult](c.t)(c.Server.Create(c.t.Context(), opts))
	c.wait(append(result.NextActions, result.Action)...)
	return got[*hcloud.Server](c.t)(c.Server.GetByID(c.t.Context(), result.Server.ID))
}

// raw sends a request as it is and gives status, headers and body.
func (c *cloud) raw(method, path, body, token string) (int, http.Header, []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, strings.TrimSuffix(c.URL(), "/v1")+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, data
}

// refused checks that an error is one of the API with this code.
func refused(t testing.TB, err error, code hcloud.ErrorCode) {
	t.Helper()
	var e hcloud.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("want the error %s, got: %v", code, err)
	}
}

// leftovers describes what is left in the project; empty is nothing.
func (c *cloud) leftovers() string {
	c.t.Helper()
	var left bytes.Buffer
	for _, kind := range []string{"servers", "networks", "firewalls", "load_balancers", "ssh_keys", "placement_groups", "primary_ips", "floating_ips", "volumes"} {
		_, _, body := c.raw(http.MethodGet, "/v1/"+kind, "", token)
		var list map[string]json.RawMessage
		if err := json.Unmarshal(body, &list); err != nil {
			c.t.Fatal(err)
		}
		if string(list[kind]) != "[]" {
			fmt.Fprintf(&left, "%s: %s\n", kind, list[kind])
		}
	}
	return left.String()
}
