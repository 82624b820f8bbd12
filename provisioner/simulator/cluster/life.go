package cluster

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"
)

// How long things take in a real cloud, about. The longest chain of the kit
// (k3s, Cilium, cert-manager, Keycloak, Gitea, the platform, an app) makes a
// little less than four minutes.
const (
	k3sTime  = 25 * time.Second // package lists, k3s, its certificates
	fluxTime = 20 * time.Second // Cilium by Helm, Flux, the manifests
)

// duration is how long the install of a release takes at speed 1.
func duration(name string) time.Duration {
	switch name {
	case "bp-cilium", "bp-cert-manager", "bp-gitea", "bp-harbor":
		return 25 * time.Second
	case "bp-keycloak":
		return 40 * time.Second
	case platformRelease:
		return 35 * time.Second
	}
	// 10 to 24 seconds, the same in every run.
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return 10*time.Second + time.Duration(h.Sum32()%15)*time.Second
}

// live is a control plane's life. It resumes from whatever the state says.
func (s *server) live(ctx context.Context) {
	if !s.snapshot().APIUp && !sleep(ctx, s.clusters.scale(k3sTime)) {
		return
	}
	if err := s.serve(ctx); err != nil {
		if ctx.Err() == nil {
			s.log.Error("the simulated Kubernetes API cannot start", "error", err)
		}
		return
	}
	s.keep(ctx, func(st *state) []int { st.APIUp = true; return nil })
	s.wg.Go(func() { s.postKubeconfig(ctx) })
	if len(s.snapshot().Releases) == 0 {
		if !sleep(ctx, s.clusters.scale(fluxTime)) {
			return
		}
		s.keep(ctx, apply)
	}
	s.keep(ctx, restart)
	s.reconcile(ctx)
}

// keep is update, repeated until it succeeds or ctx ends.
func (s *server) keep(ctx context.Context, fn func(*state) []int) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.update(fn)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.log.Error("the simulated server stands still until its state can be written", "error", err)
		if !sleep(ctx, wait) {
			return
		}
	}
}

// apply creates the HelmReleases, as kubectl apply does.
func apply(st *state) []int {
	var changed []int
	now := time.Now().UTC()
	for i, w := range st.Plan.Releases {
		st.Releases = append(st.Releases, release{wanted: w, UID: uuid.NewString(), Created: now, Phase: phaseWaiting, Since: now})
		changed = append(changed, i)
	}
	return changed
}

// restart begins the time of every running install anew: the cloud stood still
// while its process was away.
func restart(st *state) []int {
	now := time.Now().UTC()
	for i := range st.Releases {
		if st.Releases[i].Phase == phaseInstalling {
			st.Releases[i].Since = now
		}
	}
	return nil // nothing that a client can see
}

// reconcile plays Flux: it moves releases on until ctx ends.
func (s *server) reconcile(ctx context.Context) {
	console := s.newConsole(ctx)
	for ctx.Err() == nil {
		faults, faultsChanged := s.clusters.currentFaults()
		var next time.Duration
		s.keep(ctx, func(st *state) []int {
			var changed []int
			changed, next = s.step(st, faults, console, time.Now().UTC())
			return changed
		})
		if st := s.snapshot(); slices.ContainsFunc(st.Releases, func(r release) bool { return r.Name == platformRelease && r.Phase == phaseInstalled }) {
			console.begin(st) // after a restart
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-faultsChanged:
		case url := <-console.answered:
			s.keep(ctx, func(st *state) []int { st.ConsoleURL = url; return nil })
		}
		timer.Stop()
	}
}

// step makes every transition that is due and says how long until the next.
func (s *server) step(st *state, f faults, console *console, now time.Time) (changed []int, next time.Duration) {
	next = time.Hour
	ready := map[string]bool{}
	for _, r := range st.Releases {
		ready[r.Name] = r.Phase == phaseInstalled
	}
	for i := range st.Releases {
		r := &st.Releases[i]
		was, said := r.Phase, r.Message
		switch r.Phase {
		case phaseWaiting:
			r.Message = ""
			if missing := slices.IndexFunc(r.DependsOn, func(d string) bool { return !ready[d] }); missing >= 0 {
				r.Message = r.DependsOn[missing]
			} else {
				r.Phase, r.Since = phaseInstalling, now
				next = min(next, s.clusters.scale(duration(r.Name)))
			}
		case phaseInstalling:
			if left := s.clusters.scale(duration(r.Name)) - now.Sub(r.Since); left > 0 {
				next = min(next, left)
				break
			}
			switch {
			case slices.Contains(f.fail, r.Name):
				r.Phase, r.Since = phaseFailed, now
			case slices.Contains(f.stall, r.Name):
			case r.Name == platformRelease && !console.running(st):
				console.begin(st) // its answer wakes the loop
			default:
				r.Phase, r.Since = phaseInstalled, now
				next = 0 // dependents can begin
			}
		case phaseFailed:
			if !slices.Contains(f.fail, r.Name) {
				r.Phase, r.Since = phaseInstalling, now
				next = min(next, s.clusters.scale(duration(r.Name)))
			}
		}
		if r.Phase != was || r.Message != said {
			changed = append(changed, i)
		}
	}
	return changed, max(next, 0)
}

// console starts the Sovereign's console, once per life of the server.
type console struct {
	server   *server
	ctx      context.Context
	begun    bool
	answered chan string
}

func (s *server) newConsole(ctx context.Context) *console {
	return &console{server: s, ctx: ctx, answered: make(chan string)}
}

// running is true when there is nothing to wait for.
func (c *console) running(st *state) bool {
	_, primary := c.server.sovereignOf(st)
	return c.server.clusters.opts.Console == nil || !primary || st.ConsoleURL != "" && c.begun
}

// begin calls Options.Console in the background until it succeeds. It is called
// by the life goroutine only.
func (c *console) begin(st *state) {
	start := c.server.clusters.opts.Console
	sov, primary := c.server.sovereignOf(st)
	if c.begun || start == nil || !primary {
		return
	}
	c.begun = true
	c.server.wg.Go(func() {
		for wait := 200 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
			err := ensureDir(sov.Dir)
			if err == nil {
				sov.Kubeconfig, err = kubeconfig(c.server.dir, c.server.boot.PublicIPv4)
			}
			if err == nil {
				var url string
				if url, err = start(c.ctx, sov); err == nil && url != "" {
					select {
					case c.answered <- url:
					case <-c.ctx.Done():
					}
					return
				}
			}
			if c.ctx.Err() != nil {
				return
			}
			c.server.log.Warn("the Sovereign's console does not start; trying again", "fqdn", sov.FQDN, "error", err)
			if !sleep(c.ctx, wait) {
				return
			}
		}
	})
}
