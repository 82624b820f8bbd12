package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	apiPort         = "6443"
	platformRelease = "bp-catalyst-platform"
	// history is how many changes a watch can be behind before it must list anew.
	history = 1024
)

// server is one booted machine. The state is guarded by mu; its life is one
// goroutine (see life.go) that start begins and stop ends.
type server struct {
	clusters *Clusters
	log      *slog.Logger
	dir      string
	boot     Boot   // as booted, without user_data; never changes
	token    string // the node token; never changes

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	st      *state
	floor   uint64   // watches may begin at this version or later
	events  []change // newer than floor, oldest first
	changed chan struct{}
}

// change is one entry of the watch history.
type change struct {
	version uint64
	kind    string // ADDED or MODIFIED
	name    string
	object  map[string]any
}

func newServer(c *Clusters, st *state) *server {
	ctx, cancel := context.WithCancel(c.ctx)
	return &server{
		clusters: c, log: c.log.With("server", st.Boot.ServerID), dir: c.dir(st.Boot.ServerID), boot: st.Boot, token: st.Plan.NodeToken,
		ctx: ctx, cancel: cancel, st: st, floor: st.Version, changed: make(chan struct{}),
	}
}

func (s *server) start() {
	if !s.st.Plan.cluster() || s.boot.PublicIPv4 == "" {
		return
	}
	s.wg.Go(func() { s.live(s.ctx) })
}

// stop ends the life and the API and waits for them.
func (s *server) stop() {
	s.cancel()
	s.wg.Wait()
}

// update changes the state and keeps it before anybody sees it. fn gives the
// indexes of the releases that it changed; each gets a version of its own. When
// the state cannot be kept, nothing has happened, and the caller tries again.
func (s *server) update(fn func(st *state) []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.st
	next.Releases = slices.Clone(s.st.Releases)
	known := len(s.st.Releases)
	var fresh []change
	for _, i := range fn(&next) {
		next.Version++
		r := &next.Releases[i]
		r.Revision = next.Version
		kind := "MODIFIED"
		if i >= known {
			kind = "ADDED"
		}
		fresh = append(fresh, change{r.Revision, kind, r.Name, r.object()})
	}
	if err := saveState(s.dir, &next); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the state of server %d cannot be kept", s.boot.ServerID)
	}
	s.st = &next
	if len(fresh) == 0 {
		return nil
	}
	s.events = append(s.events, fresh...)
	if drop := len(s.events) - history; drop > 0 {
		s.floor = s.events[drop-1].version
		s.events = slices.Clone(s.events[drop:])
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// snapshot is the state now; it must not be changed.
func (s *server) snapshot() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st
}

// since gives the changes after version, and a channel that is closed at the
// next one. ok is false when the history does not reach back that far.
func (s *server) since(version uint64) (events []change, next <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version < s.floor {
		return nil, nil, false
	}
	i, _ := slices.BinarySearchFunc(s.events, version+1, func(c change, v uint64) int {
		switch {
		case c.version < v:
			return -1
		case c.version > v:
			return 1
		}
		return 0
	})
	return slices.Clone(s.events[i:]), s.changed, true
}

// sovereign is what the console is told; ok is false for a server that reports
// to nobody, such as a worker or a second region.
func (s *server) sovereign() (Sovereign, bool) { return s.sovereignOf(s.snapshot()) }

func (s *server) sovereignOf(st *state) (Sovereign, bool) {
	p := st.Plan
	if !p.cluster() || p.KubeconfigURL == "" {
		return Sovereign{}, false
	}
	return Sovereign{
		FQDN: p.FQDN, DeploymentID: p.DeploymentID, PublicJWK: p.PublicJWK, OrgName: p.OrgName, OrgEmail: p.OrgEmail,
		Apps: slices.Clone(p.Apps), CatalystAPIURL: p.CatalystAPIURL, Dir: filepath.Join(s.dir, "sovereign"),
		API: net.JoinHostPort(s.boot.PublicIPv4, apiPort),
	}, true
}

func (s *server) status() (SovereignStatus, bool) {
	st := s.snapshot()
	if _, ok := s.sovereign(); !ok {
		return SovereignStatus{}, false
	}
	out := SovereignStatus{
		FQDN: st.Plan.FQDN, DeploymentID: st.Plan.DeploymentID, ServerID: s.boot.ServerID, API: "https://" + net.JoinHostPort(s.boot.PublicIPv4, apiPort),
		ConsoleURL: st.ConsoleURL, KubeconfigPosted: st.KubeconfigPosted, Releases: len(st.Releases),
	}
	for _, r := range st.Releases {
		if r.Phase == phaseInstalled {
			out.Installed++
		}
	}
	out.Ready = out.Releases > 0 && out.Installed == out.Releases
	return out, true
}

// serve listens on the server's public address, again and again until it may,
// and answers until ctx ends.
func (s *server) serve(ctx context.Context) error {
	cfg, err := serverTLS(s.dir)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the certificates of server %d cannot be read", s.boot.ServerID)
	}
	addr := net.JoinHostPort(s.boot.PublicIPv4, apiPort)
	var listener net.Listener
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err == nil {
			break
		}
		if wait >= time.Second {
			s.log.Warn("the simulated server's address cannot be listened on; trying again", "address", addr, "error", err)
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
	}
	srv := &http.Server{
		Handler: s.handler(), TLSConfig: cfg, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		// Handshakes that fail are the client's business.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	s.wg.Go(func() {
		if err := srv.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the simulated Kubernetes API ended", "error", err)
		}
	})
	s.wg.Go(func() {
		<-ctx.Done()
		_ = srv.Close()
	})
	return nil
}

// sleep waits and is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// ensureDir makes the console's folder.
func ensureDir(dir string) error { return os.MkdirAll(dir, 0o700) }
