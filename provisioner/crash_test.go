package provisioner_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// The test binary is also its own holder, and a service to be killed.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "run":
		os.Exit(run.Command(os.Args[2:], os.Stderr))
	case "key":
		flags := flag.NewFlagSet("key", flag.ExitOnError)
		wrapped, master := flags.String("wrapped", "", ""), flags.String("master-key-file", "", "")
		_ = flags.Parse(os.Args[2:])
		if err := run.Key(*wrapped, func(raw []byte) ([]byte, error) { return vault.UnwrapKey(*master, raw) }, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "serve":
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve is a whole provisioner in a process of its own. It makes one plan, approves
// it itself, and tells on GET / how far it is.
func serve(args []string) error {
	dir, listen, endpoint, token, binary, mirror := args[0], args[1], args[2], args[3], args[4], args[5]
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	v, err := vault.Open(filepath.Join(dir, "vault"), vault.Options{})
	if err != nil {
		return err
	}
	j, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(dir, "journal"), Sealer: v, Logger: log})
	if err != nil {
		return err
	}
	catalogue, err := provisioner.LoadCatalogue()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	engine, err := tofu.New(tofu.Options{
		TofuPath: func(context.Context) (string, error) { return binary, nil }, MirrorDir: mirror, HolderPath: self,
		Dir: filepath.Join(dir, "deployments"), MemoryDir: dir, Module: hetzner.Files(), Keys: v, Logger: log,
	})
	if err != nil {
		return err
	}
	s, err := provisioner.New(provisioner.Options{
		Journal: j, Vault: v, Catalogue: catalogue, Engine: provisioner.TofuEngine(engine), Cloud: provisioner.Simulated,
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) {
			return provisioner.Endpoint{URL: endpoint, Token: token}, nil
		},
		Watcher: realWatcher{}, Minter: minter{}, PublicURL: "http://" + listen, Logger: log,
		Entrance: func(context.Context, provisioner.Deployment) (string, error) { return "http://console", nil },
	})
	if err != nil {
		return err
	}
	failed := make(chan error, 3)
	go func() { failed <- s.Run(ctx) }()
	go func() {
		// The deployments at every event, those of before first.
		http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
			_ = j.Follow(r.Context(), 0, []string{"deployment.*"}, func(e journal.Event) error {
				if err := s.Observe(r.Context(), e); err != nil {
					return err
				}
				list, err := s.Deployments(r.Context(), owner)
				if err == nil {
					err = json.NewEncoder(w).Encode(list)
				}
				w.(http.Flusher).Flush()
				return err
			})
		})
		http.HandleFunc("PUT /api/v1/deployments/{id}/kubeconfig", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if err := s.ReceiveKubeconfig(r.Context(), r.PathValue("id"), bearer, body); err != nil {
				http.Error(w, err.Error(), fault.From(err).HTTPStatus())
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
		l, err := net.Listen("tcp", listen)
		if err != nil {
			failed <- err
			return
		}
		fmt.Println("listening")
		failed <- http.Serve(l, nil)
	}()
	go func() { failed <- decide(ctx, j, s) }()
	return <-failed
}

// decide is the person: plans once, approves what is asked.
func decide(ctx context.Context, j *journal.Journal, s *provisioner.Service) error {
	list, err := s.Deployments(ctx, owner)
	if err == nil && len(list) == 0 {
		_, err = s.ChangeDraft(ctx, owner, "c1", []provisioner.Change{
			{Field: "orgName", Value: "Clinic"}, {Field: "orgEmail", Value: "owner@clinic.example"},
			{Field: "regions[0].cloudRegion", Value: "hel1"}, {Field: "regions[0].workerCount", Value: 2}, {Field: "simulatedAccount", Value: true},
		})
		if err == nil {
			_, err = s.Plan(ctx, owner, "c1")
		}
	}
	if err != nil {
		return err
	}
	return j.Follow(ctx, 0, []string{"deployment.*"}, func(e journal.Event) error {
		if err := s.Observe(ctx, e); err != nil {
			return err
		}
		list, err := s.Deployments(ctx, owner)
		if err != nil {
			return err
		}
		for _, d := range list {
			if d.Status == provisioner.StatusAwaitingApproval {
				_, err := s.Approve(ctx, provisioner.Approve{DeploymentID: d.ID, Digest: d.Plan.Digest, Value: "approve", Actor: owner, Means: "digest"})
				if err != nil && fault.CodeOf(err) != fault.Conflict {
					return err
				}
			}
		}
		return nil
	})
}

type realWatcher struct{}

func (realWatcher) Parse(raw []byte, hosts []string) error {
	_, err := bootstrap.ParseKubeconfig(raw, hosts)
	return err
}

func (realWatcher) Watch(ctx context.Context, raw []byte, hosts []string, fn func(provisioner.Release) error) error {
	kc, err := bootstrap.ParseKubeconfig(raw, hosts)
	if err != nil {
		return err
	}
	return bootstrap.Watch(ctx, kc, func(r bootstrap.ReleaseState) error {
		return fn(provisioner.Release{Name: r.Name, State: r.State, Message: r.Message, DependsOn: r.DependsOn})
	})
}

// TestKill9 kills the service without warning while it plans, applies and
// bootstraps, once together with its runner. After each restart the deployment
// goes on by itself, and in the end the cloud was asked for each thing once.
func TestKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("brings a whole Sovereign up with real tofu; left out by -short")
	}
	binary, mirror := tools(t)
	token := strings.Repeat("t", simulator.TokenLength)
	clusters, err := cluster.New(cluster.Options{Dir: t.TempDir(), Speed: 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clusters.Close() })
	sim, err := simulator.New(simulator.Options{Dir: t.TempDir(), Token: token, RateLimit: -1, Speed: 8, Boot: clusters})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	simEnded := make(chan error, 1)
	go func() { simEnded <- sim.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-simEnded; sim.Close() })

	c := &child{t: t, dir: t.TempDir(), listen: freeAddress(t)}
	c.args = []string{"serve", c.dir, c.listen, sim.URL(), token, binary, mirror}
	c.start()
	t.Cleanup(c.kill)

	c.until("being planned", func(d provisioner.Deployment) bool { return d.ID != "" })
	c.kill()
	c.start()
	c.until("three resources", func(d provisioner.Deployment) bool { return made(d) >= 3 })
	c.kill()
	c.start()
	d := c.until("six resources", func(d provisioner.Deployment) bool { return made(d) >= 6 })
	c.kill()
	killRun(t, filepath.Join(c.dir, "deployments", d.ID, "runs", "r1"))
	c.start()
	c.until("ten releases", func(d provisioner.Deployment) bool { return installed(d) >= 10 })
	c.kill()
	c.start()
	d = c.until("ready", is(provisioner.StatusReady))

	expected := map[string]int{
		"POST /v1/networks 201": 1, "POST /v1/networks/#/actions/add_subnet 201": 1, "POST /v1/ssh_keys 201": 1,
		"POST /v1/firewalls 201": 1, "POST /v1/placement_groups 201": 1, "POST /v1/servers 201": 3,
		"POST /v1/servers/#/actions/attach_to_network 201": 3, "POST /v1/load_balancers 201": 2,
		"POST /v1/load_balancers/#/actions/attach_to_network 201": 2, "POST /v1/load_balancers/#/actions/add_service 201": 5,
		"POST /v1/load_balancers/#/actions/add_target 201": 4,
	}
	if got := asked(t, sim.URL(), token); !maps.Equal(got, expected) {
		t.Errorf("the cloud was asked for %v\nwant %v", got, expected)
	}
	if raw, err := os.ReadFile(filepath.Join(c.dir, "deployments", d.ID, "runs", "r2", "exit.json")); err != nil || !strings.Contains(string(raw), `"code":0`) {
		t.Errorf("the lost run was not continued by another: %s, %v", raw, err)
	}
	c.follow(t.Context(), func(all []provisioner.Deployment) bool {
		if len(all) != 1 {
			t.Errorf("there are %d deployments", len(all))
		}
		return true
	})
	for _, r := range d.Resources {
		if r.State != "succeeded" {
			t.Errorf("%s is %s", r.Address, r.State)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "deployments", d.ID, "plan.bin")); err == nil {
		t.Error("the plan is still there")
	}
}

func made(d provisioner.Deployment) int {
	n := 0
	for _, r := range d.Resources {
		if r.State == "succeeded" {
			n++
		}
	}
	return n
}

func installed(d provisioner.Deployment) int {
	n := 0
	for _, r := range d.Releases {
		if r.State == "installed" {
			n++
		}
	}
	return n
}

// child is a service in a process of its own.
type child struct {
	t           *testing.T
	dir, listen string
	args        []string
	cmd         *exec.Cmd
}

func (c *child) start() {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	c.cmd = exec.Command(self, c.args...)
	c.cmd.Stderr = c.t.Output()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "listening\n" {
		c.t.Fatalf("the service says %q, %v", line, err)
	}
}

// kill is kill -9.
func (c *child) kill() {
	if c.cmd != nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
		c.cmd = nil
	}
}

// follow passes the deployments at every event to fn, until it returns true or
// the service says no more.
func (c *child) follow(ctx context.Context, fn func([]provisioner.Deployment) bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.listen+"/", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	for in := json.NewDecoder(resp.Body); ; {
		var list []provisioner.Deployment
		if in.Decode(&list) != nil || fn(list) {
			return
		}
	}
}

func (c *child) until(what string, fits func(provisioner.Deployment) bool) provisioner.Deployment {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	var d provisioner.Deployment
	found := false
	c.follow(ctx, func(list []provisioner.Deployment) bool {
		d = list[0]
		found = fits(d)
		return found || d.Status.Final()
	})
	if !found {
		c.t.Fatalf("waiting for %s: it is %q, %d resources, %d releases, %s", what, d.Status, made(d), installed(d), d.Reason)
	}
	return d
}

// killRun kills the runner and tofu of a run.
func killRun(t *testing.T, dir string) {
	t.Helper()
	for _, file := range []string{"intent.json", "process.json"} {
		var p run.Process
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || json.Unmarshal(raw, &p) != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if file == "process.json" {
			p.PID = -p.PID // the whole group
		}
		if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}

var numbers = regexp.MustCompile(`/[0-9]+`)

// asked counts what the cloud was asked to change, by call and answer, but for what
// it refused as done or locked.
func asked(t *testing.T, endpoint, token string) map[string]int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(endpoint, "/v1")+"/_simulator/requests", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		Requests []simulator.Request `json:"requests"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, r := range body.Requests {
		// What a killed run asked for just before may be asked for again, and is refused:
		// that changes nothing.
		if refused := r.Status == http.StatusConflict || r.Status == http.StatusLocked; r.Method != http.MethodGet && !refused {
			counts[fmt.Sprintf("%s %s %d", r.Method, numbers.ReplaceAllString(r.Path, "/#"), r.Status)]++
		}
	}
	return counts
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// tools gives the tofu binary and the provider mirror, or skips with the way to
// get them.
func tools(t *testing.T) (binary, mirror string) {
	t.Helper()
	binary, mirror = os.Getenv("SANDBOX_TOFU"), os.Getenv("SANDBOX_PROVIDER_MIRROR")
	cached := func(tool string) string {
		out, err := exec.Command("../.tools/build", "--path", tool).Output()
		if err != nil {
			t.Skipf("the tool cache cannot be asked for %s: %v", tool, err)
		}
		return strings.TrimSpace(string(out))
	}
	if binary == "" {
		binary = cached("tofu")
	}
	if mirror == "" {
		mirror, _, _ = strings.Cut(cached("hcloud"), "/registry.opentofu.org/")
	}
	for _, path := range []string{binary, mirror} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("%s is not there: run `.tools/build tofu` and `.tools/build hcloud`, or set SANDBOX_TOFU and SANDBOX_PROVIDER_MIRROR", path)
		}
	}
	return binary, mirror
}
