package simulator

import (
	"context"
	"time"

	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

// Boot is what a server that starts for the first time is like.
type Boot = cluster.Boot

// Booter runs the machines behind the servers.
type Booter interface {
	// Boot starts what cloud-init would start. It is called once for a server
	// and again until it returns nil, also after a restart: from then on the
	// machine is the Booter's to keep.
	Boot(ctx context.Context, b Boot) error
	// Remove takes the machine of a deleted server down. It is never called
	// while that server's Boot runs; removing one that was never booted does
	// nothing.
	Remove(serverID int64)
}

// bootState is how far a server's machine is.
type bootState string

const (
	// notBooted: the server never ran.
	notBooted bootState = ""
	// booting: it runs, and the Booter has not taken it over yet.
	booting bootState = "booting"
	// booted: the Booter has it.
	booted bootState = "booted"
)

// retryBoot is how long a failed boot waits before the next try, at most.
const retryBoot = 30 * time.Second

// machines hands servers to the Booter and takes deleted ones away until ctx
// ends. It alone knows which boots are in flight.
func (s *Simulator) machines(ctx context.Context) error {
	if s.options.Boot == nil {
		return nil
	}
	working := map[int64]context.CancelFunc{}
	done := make(chan int64)
	for {
		boots, gone := s.bootable()
		for _, b := range boots {
			if working[b.ServerID] != nil {
				continue
			}
			one, cancel := context.WithCancel(ctx)
			working[b.ServerID] = cancel
			go func() {
				s.boot(one, b)
				done <- b.ServerID
			}()
		}
		for _, id := range gone {
			if cancel := working[id]; cancel != nil {
				cancel()
				continue
			}
			s.options.Boot.Remove(id)
			s.removed(id)
		}
		select {
		case <-s.machine:
		case id := <-done:
			working[id]()
			delete(working, id)
		case <-ctx.Done():
			for range len(working) {
				working[<-done]()
			}
			return nil
		}
	}
}

// bootable lists the servers that run and that the Booter does not have yet,
// and those that are gone.
func (s *Simulator) bootable() ([]Boot, []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Boot
	for _, r := range sorted(s.p.Servers) {
		if r.Boot != booting {
			continue
		}
		data, err := s.store.userData(r.ID)
		if err != nil {
			s.log.Error("a server cannot boot", "server", r.ID, "error", err)
			continue
		}
		out = append(out, Boot{ServerID: r.ID, Name: r.Name, PublicIPv4: s.p.publicIP(r.ID, "ipv4"), UserData: data, Labels: r.Labels})
	}
	return out, append([]int64(nil), s.p.Removals...)
}

// boot gives one server to the Booter, again and again until it takes it or
// ctx ends.
func (s *Simulator) boot(ctx context.Context, b Boot) {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, retryBoot) {
		err := s.options.Boot.Boot(ctx, b)
		if err == nil {
			s.booted(b.ServerID)
			return
		}
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("a simulated machine did not boot; it is tried again", "server", b.ServerID, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// booted remembers that the Booter has a server. If that cannot be stored, the
// server is booted again after a restart, which a Booter has to bear.
func (s *Simulator) booted(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.p.Servers[id]; r != nil {
		r.Boot = booted
		if err := s.store.save(s.p); err != nil {
			s.log.Error("the simulated cloud cannot store its project", "error", err)
		}
	}
}

// removed forgets a server whose machine was taken down.
func (s *Simulator) removed(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p.Removals = without(s.p.Removals, func(other int64) bool { return other == id })
	if err := s.store.save(s.p); err != nil {
		s.log.Error("the simulated cloud cannot store its project", "error", err)
	}
}
