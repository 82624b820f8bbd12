package simulator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/openova-io/sandbox/conversation/fault"
)

// TokenLength is how long a token of the API is, in characters.
const TokenLength = 64

// Limits are the project's quotas. Zero means the default.
type Limits struct {
	Servers       int // default 100
	LoadBalancers int // default 25
	Networks      int // default 50
	Volumes       int // default 100
	PrimaryIPs    int // default 200
	FloatingIPs   int // default 50
}

// limit is a quota of the project.
func (s *Simulator) limit(of string) int {
	l := s.options.Limits
	value := map[string][2]int{
		"servers": {l.Servers, 100}, "loadBalancers": {l.LoadBalancers, 25}, "networks": {l.Networks, 50},
		"volumes": {l.Volumes, 100}, "primaryIps": {l.PrimaryIPs, 200}, "floatingIps": {l.FloatingIPs, 50},
	}[of]
	if value[0] > 0 {
		return value[0]
	}
	return value[1]
}

// Options say what to simulate and how.
type Options struct {
	// Dir holds the project; it is created if it is missing and belongs to
	// one simulator at a time.
	Dir string
	// Addr is where to listen. Empty or port 0 means a free port of the
	// loopback interface the first time and the same one ever after.
	Addr string
	// Token is the one token that is accepted, 64 characters. Empty means the
	// content of the file "token" in Dir, and if there is none, every token of
	// the right length.
	Token string
	// ReadOnlyToken, if set, may only read: anything else is token_readonly.
	ReadOnlyToken string
	// Speed divides every duration; 0 and 1 are as slow as the real cloud.
	Speed float64
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// Boot is told of servers that start for the first time; nil is nobody.
	Boot Booter
	// Sovereigns answers /_simulator/sovereigns; nil is an empty list.
	Sovereigns func() any
	// Types is what can be ordered; nil is the embedded, dated table.
	Types []ServerType
	// FailAction and StallAction name the commands of actions that fail or
	// never end, e.g. "create_server". OutOfStock names server types that
	// cannot be had, as "cpx32@hel1" or "cpx32" for everywhere. They are in
	// force from the start and replace the stored faults.
	FailAction, StallAction, OutOfStock []string
	// RateLimit is how many requests an hour are answered; 0 is 3600, as in
	// the real cloud. Less than 0 is no limit.
	RateLimit int
	// Limits are the project's quotas.
	Limits Limits
}

// Simulator is a running simulated cloud. Make it with [New], let it work with
// [Simulator.Run].
type Simulator struct {
	options  Options
	speed    float64
	log      *slog.Logger
	cat      *catalogue
	listener net.Listener
	limiter  *rate.Limiter
	requests *requestLog
	started  time.Time

	// wake tells the clock that an operation was added or changed.
	wake chan struct{}
	// machine tells that servers may have to be booted or taken down.
	machine chan struct{}

	mu    sync.Mutex
	store *store
	p     *project

	close    sync.Once
	closeErr error
}

// New opens the project and starts to listen, but answers only once Run works.
// It is a Conflict when another simulator owns the folder and Unavailable when
// the address is taken.
func New(options Options) (*Simulator, error) {
	if options.Dir == "" {
		return nil, fault.New(fault.Invalid, "the simulated cloud needs a folder").At("dir")
	}
	if options.Speed < 0 {
		return nil, fault.New(fault.Invalid, "the speed must be above 0").At("speed").Do("use 1 for the speed of the real cloud")
	}
	cat, err := newCatalogue(options.Types)
	if err != nil {
		return nil, err
	}
	st, p, err := openStore(options.Dir)
	if err != nil {
		return nil, err
	}
	s := &Simulator{options: options, speed: options.Speed, log: options.Logger, cat: cat, store: st, p: p, wake: make(chan struct{}, 1), machine: make(chan struct{}, 1), started: now()}
	if s.speed == 0 {
		s.speed = 1
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare does what New does with the folder locked.
func (s *Simulator) prepare() error {
	if s.options.Token == "" {
		token, err := os.ReadFile(s.store.path("token"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(err, fault.Internal, "the simulated cloud's token cannot be read")
		}
		s.options.Token = strings.TrimSpace(string(token))
	}
	if t := s.options.Token; t != "" && len(t) != TokenLength {
		return fault.New(fault.Invalid, "the token of the simulated cloud must have %d characters", TokenLength).At("token")
	}
	limit := s.options.RateLimit
	if limit == 0 {
		limit = 3600
	}
	if limit > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(float64(limit)/3600), limit)
	}
	if s.p.IPv4Base == 0 {
		// Two simulators on one machine must not give out the same loopback
		// addresses: each starts somewhere else in the range.
		var seed [4]byte
		if _, err := rand.Read(seed[:]); err != nil {
			return fault.Wrap(err, fault.Internal, "no randomness for the public address range")
		}
		s.p.IPv4Base = 1 + binary.BigEndian.Uint32(seed[:])%publicRange
		s.p.LastID = 100_000_000
	}
	if len(s.options.FailAction)+len(s.options.StallAction)+len(s.options.OutOfStock) > 0 {
		s.p.setFaults(Faults{FailAction: s.options.FailAction, StallAction: s.options.StallAction, OutOfStock: s.options.OutOfStock}, now())
	}
	if f := s.p.Faults; len(f.FailRelease)+len(f.StallRelease) > 0 {
		s.passFaults(f)
	}
	if err := s.store.save(s.p); err != nil {
		return err
	}
	var err error
	if s.requests, err = openRequestLog(s.store.path("requests.jsonl")); err != nil {
		return err
	}
	return s.listen()
}

// listen opens the address that was asked for, or the one of last time.
func (s *Simulator) listen() error {
	address := s.options.Addr
	host, port, err := net.SplitHostPort(address)
	if address != "" && err != nil {
		return fault.Wrap(err, fault.Invalid, "the simulated cloud's address is not host:port")
	}
	if address == "" {
		host, port = "127.0.0.1", "0"
	}
	remembered, err := os.ReadFile(s.store.path("address"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Internal, "the simulated cloud's address cannot be read")
	}
	address = net.JoinHostPort(host, port)
	if port == "0" && len(remembered) > 0 {
		address = strings.TrimSpace(string(remembered))
	}
	s.listener, err = net.Listen("tcp", address)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the simulated cloud cannot listen on %s", address)
	}
	err = writeDurably(s.store.path("address"), []byte(s.listener.Addr().String()))
	return fault.Wrap(err, fault.Internal, "the simulated cloud's address cannot be stored")
}

// URL is where the API is, ending in /v1; the same after every restart.
func (s *Simulator) URL() string { return "http://" + s.listener.Addr().String() + "/v1" }

// Token is the token that is accepted, empty if every well-formed one is.
func (s *Simulator) Token() string { return s.options.Token }

// Run answers requests and completes operations until ctx ends; then it lets
// running requests finish, closes everything and returns nil.
func (s *Simulator) Run(ctx context.Context) error {
	server := &http.Server{Handler: s.mux(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fault.Wrap(err, fault.Internal, "the simulated cloud stopped listening")
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	group.Go(func() error { return s.tick(ctx) })
	group.Go(func() error { return s.machines(ctx) })
	return errors.Join(group.Wait(), s.Close())
}

// tick is the clock: it completes operations when they fall due, so that
// machines boot and states change while nobody asks.
func (s *Simulator) tick(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
		s.mu.Lock()
		err := s.settle(now())
		next := s.p.next()
		s.mu.Unlock()
		wait := time.Hour
		switch {
		case err != nil:
			// A full disk can be freed; the operations stay due until then.
			s.log.Error("the simulated cloud cannot store its project", "error", err)
			wait = time.Second
		case !next.IsZero():
			wait = max(0, time.Until(next))
		}
		timer.Reset(wait)
	}
}

// settle completes what is due and stores it. The lock is held.
func (s *Simulator) settle(at time.Time) error {
	if !s.p.settle(at) {
		return nil
	}
	if err := s.store.save(s.p); err != nil {
		s.p = s.store.restore()
		return err
	}
	s.sweep()
	return nil
}

// sweep removes the user_data of servers that are gone and tells the owner of
// the machines that something changed. The lock is held.
func (s *Simulator) sweep() {
	for _, id := range s.p.Removals {
		s.store.dropUserData(id)
	}
	if s.options.Boot == nil {
		s.p.Removals = nil
	}
	poke(s.machine)
}

// poke signals on a channel of capacity 1; a signal that waits is enough.
func poke(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// Close releases the address and the folder. It is for a simulator that never
// ran; Run closes by itself. A second call does nothing.
func (s *Simulator) Close() error {
	s.close.Do(func() {
		var errs []error
		if s.listener != nil {
			if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
		if s.requests != nil {
			errs = append(errs, s.requests.close())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		errs = append(errs, s.store.close())
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// now is the time in UTC, without the reading of the monotonic clock, which
// means nothing after a restart.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
