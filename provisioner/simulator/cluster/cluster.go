package cluster

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Boot is a simulated server that has just been switched on.
type Boot struct {
	ServerID int64  `json:"serverId"`
	Name     string `json:"name"`
	// PublicIPv4 is the server's loopback address of 127.64.0.0/10; empty for a
	// server without a public network, which then serves no API.
	PublicIPv4 string            `json:"publicIPv4,omitempty"`
	UserData   string            `json:"userData,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
}

// KitRelease is one release of the fixed kit.
type KitRelease struct {
	Name      string
	DependsOn []string
}

// Sovereign is what a console needs to know to start.
type Sovereign struct {
	FQDN         string
	DeploymentID string
	// PublicJWK is the key that cloud-init brought; the console trusts handover
	// tokens of this key and of no other.
	PublicJWK string
	OrgName   string
	OrgEmail  string
	// Apps are slugs of the catalogue, in order.
	Apps []string
	// CatalystAPIURL is where the Sovereign came from.
	CatalystAPIURL string
	// API is the host and port of the Sovereign's own Kubernetes API, and
	// Kubeconfig how its console reads it, as one in the cluster would.
	API        string
	Kubeconfig []byte
	// Dir is the console's own data directory; it exists, with mode 0700.
	Dir string
}

// SovereignStatus is one Sovereign of this cloud.
type SovereignStatus struct {
	FQDN         string `json:"fqdn"`
	DeploymentID string `json:"deploymentId"`
	// ServerID is the control plane that it runs on.
	ServerID int64 `json:"serverId"`
	// API is the Kubernetes API, "https://127.64.0.2:6443".
	API string `json:"api"`
	// ConsoleURL is empty until the console runs.
	ConsoleURL string `json:"consoleURL,omitempty"`
	// KubeconfigPosted is true once the kubeconfig was accepted.
	KubeconfigPosted bool `json:"kubeconfigPosted"`
	Releases         int  `json:"releases"`
	Installed        int  `json:"installed"`
	// Ready is true when every release is installed.
	Ready bool `json:"ready"`
}

// Options configure [New].
type Options struct {
	// Dir keeps a folder per server; created with mode 0700.
	Dir string
	// Speed divides every duration; 1 (also for 0) brings a Sovereign up in about
	// four minutes, 20 in twelve seconds.
	Speed float64
	// Kit are the releases of a cluster whose user_data names none.
	Kit []KitRelease
	// Console starts the Sovereign's console, or finds the running one, and gives
	// its address. It is called when bp-catalyst-platform is about to be ready,
	// again after every restart, and again after an error. nil: no console.
	Console func(ctx context.Context, s Sovereign) (url string, err error)
	// StopConsole ends the console of a removed server. It may be nil.
	StopConsole func(ctx context.Context, s Sovereign) error
	Logger      *slog.Logger
	// FailRelease and StallRelease name releases that fail, or never finish.
	FailRelease, StallRelease []string
}

// Clusters are the booted servers of one simulated cloud. Its methods may be
// called from many goroutines.
type Clusters struct {
	opts   Options
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	byID   map[int64]*server

	faultsMu sync.Mutex
	faults   faults
	changed  chan struct{} // closed and replaced when faults change
}

type faults struct{ fail, stall []string }

// New opens Dir and resumes every server that was booted there and not removed.
// A server whose address cannot be listened on now is retried, not lost.
func New(opts Options) (*Clusters, error) {
	if opts.Dir == "" {
		return nil, fault.New(fault.Invalid, "the simulated clusters have no folder").At("Dir").Do("set Options.Dir")
	}
	if math.IsNaN(opts.Speed) || math.IsInf(opts.Speed, 0) || opts.Speed < 0 {
		return nil, fault.New(fault.Invalid, "the speed %v is no positive number", opts.Speed).At("Speed").Do("use 1 for real time")
	}
	if opts.Speed == 0 {
		opts.Speed = 1
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the simulated clusters cannot be made")
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Clusters{
		opts: opts, log: opts.Logger, ctx: ctx, cancel: cancel, byID: map[int64]*server{},
		faults: faults{slices.Clone(opts.FailRelease), slices.Clone(opts.StallRelease)}, changed: make(chan struct{}),
	}
	if err := c.resume(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// resume starts every server folder of Dir. A folder that was being removed
// when the process ended is removed now; one that never got its state is left
// over from a Boot that was not acknowledged.
func (c *Clusters) resume() error {
	entries, err := os.ReadDir(c.opts.Dir)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder of the simulated clusters cannot be read")
	}
	for _, e := range entries {
		id, err := strconv.ParseInt(e.Name(), 10, 64)
		if err != nil || !e.IsDir() {
			continue
		}
		dir := c.dir(id)
		if _, err := os.Stat(filepath.Join(dir, removedFile)); err == nil {
			_ = os.RemoveAll(dir)
			continue
		}
		st, err := loadState(dir)
		if errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(dir)
			continue
		}
		if err != nil {
			return fault.Wrap(err, fault.Internal, "the state of the simulated server %d cannot be read", id)
		}
		s := newServer(c, st)
		c.byID[id] = s
		s.start()
	}
	return nil
}

// Boot switches a server on: it reads user_data, keeps it, and returns; the
// rest happens in the background. Booting a known server again does nothing.
//
// User data that cloud-init would not understand is a fault of code
// [fault.Invalid]; as in a real cloud, the server runs all the same and does
// nothing. A server whose user_data asks for no cluster is a plain server.
func (c *Clusters) Boot(ctx context.Context, b Boot) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the boot of server %d was given up", b.ServerID)
	}
	if b.ServerID <= 0 {
		return fault.New(fault.Invalid, "the server id %d is not positive", b.ServerID).At("serverId")
	}
	if b.PublicIPv4 != "" {
		if a, err := netip.ParseAddr(b.PublicIPv4); err != nil || !a.Is4() || !a.IsLoopback() {
			return fault.New(fault.Invalid, "the simulated public address %q is no IPv4 loopback address", b.PublicIPv4).
				At("publicIPv4").Do("take it from 127.64.0.0/10")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fault.New(fault.Unavailable, "the simulated clusters are shutting down")
	}
	if _, known := c.byID[b.ServerID]; known {
		return nil
	}
	files, bad := ReadUserData(b.UserData)
	st := newState(b, time.Now())
	if bad == nil {
		st.Plan = planFrom(files, c.opts.Kit)
	}
	if err := os.MkdirAll(c.dir(b.ServerID), 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the folder of server %d cannot be made", b.ServerID)
	}
	if st.Plan.cluster() && b.PublicIPv4 != "" {
		if err := makePKI(c.dir(b.ServerID), b.PublicIPv4); err != nil {
			return fault.Wrap(err, fault.Internal, "the certificates of server %d cannot be made", b.ServerID)
		}
	}
	if err := saveState(c.dir(b.ServerID), st); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the state of server %d cannot be kept", b.ServerID)
	}
	s := newServer(c, st)
	c.byID[b.ServerID] = s
	s.start()
	return bad
}

// Remove switches a server off for good: its API ends, its console is stopped
// and its folder deleted. Removing an unknown server does nothing.
func (c *Clusters) Remove(serverID int64) {
	c.mu.Lock()
	s := c.byID[serverID]
	delete(c.byID, serverID)
	c.mu.Unlock()
	if s == nil {
		return
	}
	// The mark comes first: if the process ends here, the next one finishes.
	if err := writeFile(filepath.Join(s.dir, removedFile), nil); err != nil {
		c.log.Error("a removed server cannot be marked", "server", serverID, "error", err)
	}
	s.stop()
	if sov, ok := s.sovereign(); ok && c.opts.StopConsole != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := c.opts.StopConsole(ctx, sov); err != nil {
			c.log.Warn("the console of a removed server cannot be stopped", "fqdn", sov.FQDN, "error", err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		c.log.Error("the folder of a removed server cannot be deleted", "server", serverID, "error", err)
	}
}

// SetFaults replaces the releases that fail and the ones that never finish. A
// release that failed and is not named any more is tried again.
func (c *Clusters) SetFaults(fail, stall []string) {
	c.faultsMu.Lock()
	defer c.faultsMu.Unlock()
	c.faults = faults{slices.Clone(fail), slices.Clone(stall)}
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Clusters) currentFaults() (faults, <-chan struct{}) {
	c.faultsMu.Lock()
	defer c.faultsMu.Unlock()
	return c.faults, c.changed
}

// Sovereigns lists the Sovereigns of this cloud by server id. Servers that are
// no first control plane are not in it.
func (c *Clusters) Sovereigns() []SovereignStatus {
	c.mu.Lock()
	servers := make([]*server, 0, len(c.byID))
	for _, s := range c.byID {
		servers = append(servers, s)
	}
	c.mu.Unlock()
	out := []SovereignStatus{}
	for _, s := range servers {
		if st, ok := s.status(); ok {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b SovereignStatus) int { return int(a.ServerID - b.ServerID) })
	return out
}

// nodes are the servers that share a cluster's node token, the cluster itself
// included.
func (c *Clusters) nodes(token string) []Boot {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Boot
	for _, s := range c.byID {
		if token != "" && s.token == token {
			out = append(out, s.boot)
		}
	}
	slices.SortFunc(out, func(a, b Boot) int { return int(a.ServerID - b.ServerID) })
	return out
}

// Close stops every API and waits. The consoles keep running: they are
// processes of their own. It may be called more than once.
func (c *Clusters) Close() error {
	c.mu.Lock()
	c.closed = true
	servers := make([]*server, 0, len(c.byID))
	for _, s := range c.byID {
		servers = append(servers, s)
	}
	c.mu.Unlock()
	c.cancel()
	for _, s := range servers {
		s.stop()
	}
	return nil
}

func (c *Clusters) dir(id int64) string {
	return filepath.Join(c.opts.Dir, strconv.FormatInt(id, 10))
}

// scale turns a duration of the real cloud into one of this one.
func (c *Clusters) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.opts.Speed)
}
