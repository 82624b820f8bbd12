package bootstrap

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Namespace is where all HelmReleases of a Sovereign live.
const Namespace = "flux-system"

// HelmReleases is the resource that is watched.
var HelmReleases = schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}

// The substates of a watch: upstream's phase1Substate.
const (
	Watching     = "watcher-watching"
	Reconnecting = "watcher-reconnecting"
)

// Watcher follows the HelmReleases of one cluster at a time. The zero value
// works; a Watcher may be used from many goroutines.
type Watcher struct {
	// Logger gets the reasons of reconnects; nil is silent.
	Logger *slog.Logger
	// Substate, if set, is told [Watching] or [Reconnecting] when that changes.
	Substate func(substate string)
	// Backoff is the wait after the first failed connection; it doubles up to 30
	// seconds. Zero is one second.
	Backoff time.Duration
}

// Watch is [Watcher.Watch] of a silent Watcher.
func Watch(ctx context.Context, kc *Kubeconfig, fn func(ReleaseState) error) error {
	return (&Watcher{}).Watch(ctx, kc, fn)
}

// Watch calls fn with every HelmRelease as it is and then with each change,
// until ctx ends (it returns ctx's error) or fn fails (it returns fn's error).
// Everything else that can go wrong is waited out. A release that is deleted is
// reported once, as pending.
func (w *Watcher) Watch(ctx context.Context, kc *Kubeconfig, fn func(ReleaseState) error) error {
	client, closeIdle, err := dynamicClient(kc)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the kubeconfig of %s makes no client", kc.Host())
	}
	defer closeIdle()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	logger := w.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	conn := &connection{host: kc.Host(), tell: w.Substate, logger: logger}
	releases := client.Resource(HelmReleases).Namespace(Namespace)
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := releases.List(ctx, o)
			conn.note(err)
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			i, err := releases.Watch(ctx, o)
			conn.note(err)
			return i, err
		},
	}, client)

	backoff := w.Backoff
	if backoff <= 0 {
		backoff = time.Second
	}
	// client-go logs its own view of every failure; connection has said it already,
	// once and cleaned.
	quiet := logr.Discard()
	ctx = klog.NewContext(ctx, quiet)
	reflector := cache.NewReflectorWithOptions(lw, &unstructured.Unstructured{}, &sink{fn: fn, stop: cancel, seen: map[string]ReleaseState{}},
		cache.ReflectorOptions{
			Name: "helmreleases", TypeDescription: HelmReleases.String(), Logger: &quiet,
			Backoff: &wait.Backoff{Duration: backoff, Cap: 30 * time.Second, Steps: 30, Factor: 2, Jitter: 0.2},
		})
	reflector.RunWithContext(ctx)
	return context.Cause(ctx)
}

// dynamicClient makes a client with the limits of limitedTransport.
func dynamicClient(kc *Kubeconfig) (dynamic.Interface, func(), error) {
	cfg := kc.REST()
	cfg.WarningHandler = rest.NoWarnings{}
	cfg.WrapTransport = func(rt http.RoundTripper) http.RoundTripper { return limitedTransport{rt} }
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, nil, err
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client, err := dynamic.NewForConfigAndClient(cfg, hc)
	return client, hc.CloseIdleConnections, err
}

// connection turns the results of requests into substates and log lines, one
// per change, so that a cluster that is away for an hour is one line.
type connection struct {
	host   string
	tell   func(string)
	logger *slog.Logger

	mu  sync.Mutex
	now string
}

func (c *connection) note(err error) {
	// An expired resourceVersion is an ordinary answer of a healthy server.
	next := Watching
	if err != nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		if errors.Is(err, context.Canceled) {
			return
		}
		next = Reconnecting
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if next == c.now {
		return
	}
	c.now = next
	if c.tell != nil {
		c.tell(next)
	}
	if next == Reconnecting {
		c.logger.Warn("the new cluster does not answer; trying again", "host", c.host, "error", clean(err.Error(), MaxMessage))
	} else {
		c.logger.Info("watching the new cluster's releases", "host", c.host)
	}
}

// sink is the reflector's store. It keeps the last state of each release and
// calls fn when it changed. The reflector calls it from one goroutine.
type sink struct {
	fn   func(ReleaseState) error
	stop context.CancelCauseFunc
	seen map[string]ReleaseState
	done bool
}

func (s *sink) Add(obj any) error    { s.see(obj); return nil }
func (s *sink) Update(obj any) error { s.see(obj); return nil }
func (s *sink) Resync() error        { return nil }

func (s *sink) Delete(obj any) error {
	if o, ok := obj.(*unstructured.Unstructured); ok {
		s.gone(o.GetName())
	}
	return nil
}

// Replace is the whole list after a (re)connect: what is missing from it was
// deleted in between.
func (s *sink) Replace(list []any, _ string) error {
	present := map[string]bool{}
	for _, obj := range list {
		if o, ok := obj.(*unstructured.Unstructured); ok {
			present[o.GetName()] = true
		}
	}
	for name := range s.seen {
		if !present[name] {
			s.gone(name)
		}
	}
	for _, obj := range list {
		s.see(obj)
	}
	return nil
}

func (s *sink) see(obj any) {
	o, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return
	}
	next, ok := StateOf(o)
	if !ok {
		return
	}
	last, known := s.seen[next.Name]
	if !known && len(s.seen) >= MaxReleases {
		return
	}
	if known && last.State == next.State && last.Message == next.Message && last.Chart == next.Chart &&
		last.Version == next.Version && slices.Equal(last.DependsOn, next.DependsOn) {
		return
	}
	s.seen[next.Name] = next
	s.call(next)
}

func (s *sink) gone(name string) {
	last, known := s.seen[name]
	if !known {
		return
	}
	delete(s.seen, name)
	last.State, last.Message = Pending, "the release was removed from the cluster"
	s.call(last)
}

// call tells fn, and after its first error nothing any more.
func (s *sink) call(r ReleaseState) {
	if s.done {
		return
	}
	r.DependsOn = slices.Clone(r.DependsOn)
	if err := s.fn(r); err != nil {
		s.done = true
		s.stop(err)
	}
}
