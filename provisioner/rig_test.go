package provisioner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

var (
	owner    = journal.Actor{Kind: journal.Human, Subject: "local", LocalOwner: true, OrgID: "clinic", Via: "test"}
	verified = journal.Actor{Kind: journal.Human, Subject: "local", Email: "Owner@Clinic.example", EmailVerified: true, OrgID: "clinic"}
	model    = journal.Actor{Kind: journal.Model, Subject: "local", OrgID: "clinic"}
	stranger = journal.Actor{Kind: journal.Human, Subject: "stranger", Email: "owner@clinic.example", EmailVerified: true, OrgID: "elsewhere"}
	// colleague is in the owner's Organization.
	colleague = journal.Actor{Kind: journal.Human, Subject: "colleague", Email: "colleague@clinic.example", EmailVerified: true, OrgID: "clinic"}
)

// rig is a service on a real journal and a real vault, with an engine, a cluster
// and a console that the test holds in its hand.
type rig struct {
	t       *testing.T
	options provisioner.Options
	service *provisioner.Service
	engine  *engine
	cluster *fakeCluster
	stage   *stage
	clock   *clock
	ended   chan error
	cancel  context.CancelFunc
}

func newRig(t *testing.T, cloud provisioner.Cloud, with ...func(*provisioner.Options)) *rig {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: v, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	catalogue, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: newEngine(), cluster: newCluster(), stage: &stage{}, clock: &clock{}}
	r.options = provisioner.Options{
		Journal: j, Vault: v, Catalogue: catalogue, Engine: r.engine, Cloud: cloud,
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) {
			return provisioner.Endpoint{URL: "http://127.0.0.1:9/v1", Token: "simulated-token"}, nil
		},
		Watcher: r.cluster, Minter: minter{}, Stage: r.stage, PublicURL: "https://sandbox.example", Now: r.clock.now,
		Entrance: func(context.Context, provisioner.Deployment) (string, error) {
			return "http://console.clinic.localhost:8080", nil
		},
	}
	// No test asks a provider whether it is well stocked, unless it says which.
	r.options.Offers = func(context.Context, provisioner.Endpoint) (*provisioner.Offer, error) {
		return nil, fault.New(fault.Unavailable, "nobody sells anything here")
	}
	for _, change := range with {
		change(&r.options)
	}
	r.start()
	t.Cleanup(r.crash)
	return r
}

// start begins a service on what is stored.
func (r *rig) start() {
	r.t.Helper()
	s, err := provisioner.New(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.service, r.cancel, r.ended = s, cancel, make(chan error, 1)
	go func() { r.ended <- s.Run(ctx) }()
}

// crash ends the service. What it had in memory is lost.
func (r *rig) crash() {
	if r.cancel != nil {
		r.cancel()
		<-r.ended
		r.cancel = nil
	}
}

// draft fills a draft until it can be planned.
func (r *rig) draft(id string) {
	r.t.Helper()
	_, err := r.service.ChangeDraft(r.t.Context(), owner, id, []provisioner.Change{
		{Field: "orgName", Value: "Clinic"}, {Field: "orgEmail", Value: "owner@clinic.example"},
		{Field: "orgHeadquarters", Value: "Berlin, Germany"}, {Field: "apps", Value: []any{"nextcloud"}},
		{Field: "simulatedAccount", Value: true},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) plan(id string) provisioner.Deployment {
	r.t.Helper()
	d, err := r.service.Plan(r.t.Context(), owner, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *rig) approve(d provisioner.Deployment) provisioner.Deployment {
	r.t.Helper()
	d, err := r.service.Approve(r.t.Context(), provisioner.Approve{CardID: d.Approval.CardID, Value: "approve", Actor: owner, Means: "press"})
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// errFits ends a follower that has seen what it waited for.
var errFits = errors.New("it fits")

// until follows a deployment in the journal until it fits.
func (r *rig) until(id string, fits func(provisioner.Deployment) bool) provisioner.Deployment {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	var d provisioner.Deployment
	err := r.options.Journal.Follow(ctx, 0, []string{"deployment." + id}, func(e journal.Event) error {
		if err := r.service.Observe(ctx, e); err != nil {
			return err
		}
		var err error
		if d, err = r.service.Deployment(ctx, owner, id); err == nil && fits(d) {
			err = errFits
		}
		return err
	})
	if !errors.Is(err, errFits) {
		r.t.Fatalf("deployment stays %s (%s): %v", d.Status, d.Reason, err)
	}
	return d
}

// bell wakes everybody who waits for the next change.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// rung is closed by the next ring. It is asked for before what may change is read.
func (b *bell) rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func is(status provisioner.Status) func(provisioner.Deployment) bool {
	return func(d provisioner.Deployment) bool { return d.Status == status }
}

// clock is the real one, moved forward by the test.
type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

type minter struct{}

func (minter) PublicJWK() string { return `{"kty":"RSA"}` }

func (minter) MintHandover(_ context.Context, h provisioner.Handover) (string, error) {
	if h.Email == "" || h.FQDN == "" || h.ReturnPath != "/sandbox" {
		return "", fmt.Errorf("incomplete handover %+v", h)
	}
	return "header.eyJqdGkiOiJqdGktMSJ9.handover-signature-canary", nil
}

// stage remembers what was shown.
type stage struct {
	mu    sync.Mutex
	cards map[string]card.Card
	links []string
	moved bell // a card was shown
}

// await waits until a card was shown.
func (s *stage) await(t *testing.T, id string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		moved := s.moved.rung()
		s.mu.Lock()
		_, ok := s.cards[id]
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-late:
			t.Fatalf("the card %s was not shown", id)
		}
	}
}

func (s *stage) Show(_ context.Context, _ string, cards ...card.Card) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cards == nil {
		s.cards = map[string]card.Card{}
	}
	for _, c := range cards {
		s.cards[c.ID] = c
	}
	s.moved.ring()
	return nil
}

func (s *stage) Link(_ context.Context, _, deploymentID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, deploymentID)
	return nil
}

// engine pretends to be tofu. Its runs live as long as it, like detached ones.
type engine struct {
	mu       sync.Mutex
	plans    int
	digests  map[string]string // deployment -> digest of the saved plan
	requests map[string]tofu.Request
	runs     map[string]*fakeRun // deployment/run
	change   func(*tfjson.Plan)
	planErr  error
	beyond   []string
	recovers int
	moved    bell // a run began, said something or ended
}

type fakeRun struct {
	lines     []string
	status    run.Status
	cancelled bool
	starts    int
}

func newEngine() *engine {
	return &engine{digests: map[string]string{}, requests: map[string]tofu.Request{}, runs: map[string]*fakeRun{}}
}

func (e *engine) make(r tofu.Request) *tofu.Plan {
	e.plans++
	p := &tfjson.Plan{FormatVersion: "1.2"}
	for _, address := range []string{"hcloud_network.main", `hcloud_server.control_plane["fsn1-1-cp1"]`} {
		kind, _, _ := cutDot(address)
		p.ResourceChanges = append(p.ResourceChanges, &tfjson.ResourceChange{Address: address, Mode: tfjson.ManagedResourceMode, Type: kind, Name: "x",
			Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionCreate}, After: map[string]any{"name": "x", "server_type": "cpx32", "location": "fsn1"}}})
	}
	if e.change != nil {
		e.change(p)
	}
	digest := fmt.Sprintf("%016x%048x", e.plans, e.plans)
	e.digests[r.ID], e.requests[r.ID] = digest, r
	return &tofu.Plan{Digest: digest, JSON: []byte(`{"format_version":"1.2"}`), Parsed: p}
}

func (e *engine) Plan(_ context.Context, r tofu.Request) (*tofu.Plan, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.planErr != nil {
		return nil, e.planErr
	}
	return e.make(r), nil
}

func (e *engine) Verify(_ context.Context, id, digest string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.digests[id] != digest {
		return fault.New(fault.Conflict, "the saved plan is not the one that was shown")
	}
	return nil
}

func (e *engine) Apply(ctx context.Context, a tofu.Apply) error {
	if e.look(a.ID, a.Run).status.State != run.Absent {
		return nil
	}
	if err := e.Verify(ctx, a.ID, a.Digest); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.runs[a.ID+"/"+a.Run]
	r.status.State = run.Running
	r.starts++
	e.moved.ring()
	return nil
}

func (e *engine) run(id, name string) *fakeRun {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.runs[id+"/"+name]
	if r == nil {
		r = &fakeRun{status: run.Status{State: run.Absent}}
		e.runs[id+"/"+name] = r
	}
	return r
}

// begun waits until a run has been started.
func (e *engine) begun(t *testing.T, id, name string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		moved := e.moved.rung()
		if e.look(id, name).starts > 0 {
			return
		}
		select {
		case <-moved:
		case <-late:
			t.Fatalf("run %s was not started", name)
		}
	}
}

// look gives a run as it is now.
func (e *engine) look(id, name string) fakeRun {
	r := e.run(id, name)
	e.mu.Lock()
	defer e.mu.Unlock()
	return *r
}

// bearer is what the newest plan gave the new cluster to report with.
func (e *engine) bearer(id string) string { return e.secret(id, "kubeconfig_bearer_token") }

func (e *engine) secret(id, name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests[id].Secrets[name]
}

func (e *engine) count() (plans, recovers, runs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.plans, e.recovers, len(e.runs)
}

// say adds a record to a run's stream; end ends it.
func (e *engine) say(id, name, kind, address string) {
	r := e.run(id, name)
	line, _ := json.Marshal(map[string]any{"type": kind, "@level": "info", "@timestamp": time.Now(),
		"hook": map[string]any{"resource": map[string]any{"addr": address}, "action": "create", "id_value": "42"}})
	e.mu.Lock()
	defer e.mu.Unlock()
	r.lines = append(r.lines, string(line))
	e.moved.ring()
}

func (e *engine) end(id, name string, status run.Status) {
	r := e.run(id, name)
	e.mu.Lock()
	defer e.mu.Unlock()
	r.status = status
	e.moved.ring()
}

func (e *engine) Follow(ctx context.Context, id, name string, offset int64, fn func([]run.Record) error) (run.Status, error) {
	r := e.run(id, name)
	for {
		moved := e.moved.rung()
		e.mu.Lock()
		status := r.status
		var records []run.Record
		at := int64(0)
		for _, line := range r.lines {
			next := at + int64(len(line)) + 1
			if at >= offset {
				records = append(records, run.Record{Offset: at, Next: next, Line: []byte(line)})
			}
			at = next
		}
		e.mu.Unlock()
		if len(records) > 0 {
			if err := fn(records); err != nil {
				return status, err
			}
			offset = records[len(records)-1].Next
		}
		if status.State != run.Running {
			return status, nil
		}
		select {
		case <-ctx.Done():
			return status, ctx.Err()
		case <-moved:
		}
	}
}

func (e *engine) Cancel(_ context.Context, id, name string) error {
	r := e.run(id, name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.status.State == run.Running {
		r.cancelled = true
		r.status = run.Status{State: run.Finished, Exit: run.Exit{Code: 1, Interrupted: true}}
		e.moved.ring()
	}
	return nil
}

func (e *engine) Recover(_ context.Context, r tofu.Recovery) (*tofu.Recovered, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recovers++
	return &tofu.Recovered{Plan: e.make(r.Request), Beyond: e.beyond}, nil
}

func (e *engine) Outputs(context.Context, string, string) (map[string]string, error) {
	return map[string]string{"control_plane_ip": "127.64.0.1", "ips": `{"fsn1-1":["127.64.0.2"]}`, "console_url": "https://x"}, nil
}

func (e *engine) PlanJSON(string) ([]byte, error) { return []byte(`{"format_version":"1.2"}`), nil }

func (e *engine) Discard(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.digests, id)
	return nil
}

func cutDot(s string) (string, string, bool) {
	for i := range s {
		if s[i] == '.' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// fakeCluster is the new cluster as the watcher sees it.
type fakeCluster struct {
	mu       sync.Mutex
	releases map[string]provisioner.Release
	order    []string
	hosts    []string
	refuse   bool
	moved    bell // a release changed
}

func newCluster() *fakeCluster {
	return &fakeCluster{releases: map[string]provisioner.Release{}}
}

func (c *fakeCluster) set(state string, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		c.releases[name] = provisioner.Release{Name: name, State: state, Message: "words of the cluster"}
		c.order = append(c.order, name)
	}
	c.moved.ring()
}

// clear forgets what the releases were.
func (c *fakeCluster) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.releases, c.order = map[string]provisioner.Release{}, nil
}

func (c *fakeCluster) Parse(raw []byte, hosts []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts = hosts
	if c.refuse {
		return fault.New(fault.Invalid, "it names a program to run")
	}
	return nil
}

func (c *fakeCluster) Watch(ctx context.Context, _ []byte, _ []string, fn func(provisioner.Release) error) error {
	seen := 0
	for {
		moved := c.moved.rung()
		c.mu.Lock()
		var news []provisioner.Release
		for _, name := range c.order[seen:] {
			news = append(news, c.releases[name])
		}
		seen = len(c.order)
		c.mu.Unlock()
		for _, r := range news {
			if err := fn(r); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}
