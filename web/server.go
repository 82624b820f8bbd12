package web

import (
	"context"
	"crypto/tls"
	"embed"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/push"
	"github.com/openova-io/sandbox/voice"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// Mode says what this instance is.
type Mode string

const (
	// Concierge provisions Sovereigns.
	Concierge Mode = "concierge"
	// SovereignConsole is the console on a Sovereign.
	SovereignConsole Mode = "sovereign"
)

// Options are the parts that the server gives a face to.
type Options struct {
	Mode          Mode
	Conversations *conversation.Service // concierge only
	Provisioner   *provisioner.Service  // concierge only
	Catalogue     *provisioner.Catalogue
	Journal       *journal.Journal
	Identity      *identity.Identity
	MCP           http.Handler // concierge only
	// Tools are the tools that MCP serves, each with the one capability it needs.
	Tools map[string]string
	// Shell keeps the developer sessions; nil leaves their routes out.
	Shell *shell.Service
	// Push tells people on their devices what sessions do; nil tells nobody.
	Push *push.Push
	// Calls are the voice calls; nil where this machine has no ears or no mouth, and
	// NoCalls says what is missing.
	Calls   *voice.Service
	NoCalls error
	// Relay is told to callers.
	Relay voice.Relay
	App   fs.FS
	// Recordings keeps calls; nil keeps none.
	Recordings *recording.Store
	// Outbox keeps the mails of a service that sends none; else nil.
	Outbox *identity.Outbox
	// Guests lets people talk to the concierge before they sign in.
	Guests    bool
	Sovereign *Sovereign // console only
	// Release gives a HelmRelease of the console's Sovereign as it is now; ok is
	// false where nothing is known of it. It may be nil.
	Release func(name string) (r Release, ok bool)
	// PublicURL is how people reach the service; its host is allowed. Where it has a
	// path, that is the base path of everything.
	PublicURL string
	// PreviewDomain is the domain below which every name leads here, and previews of
	// sessions' ports are; empty shows none.
	PreviewDomain string
	// TrustedProxies are addresses and networks of proxies before this server; what
	// they say of a request's origin and id is believed.
	TrustedProxies []string
	// AllowedHosts are further host names; "*.example.org" allows all below.
	AllowedHosts []string
	// Owner is the caller on the local socket.
	Owner   journal.Actor
	Cloud   provisioner.Cloud
	Version string
	Logger  *slog.Logger
	// Audit keeps who did what; nil keeps nothing.
	Audit *audit.Log
	// Forget destroys what the rooms and the vault keep of a person; nil where there
	// is nothing.
	Forget func(context.Context, journal.Actor) error
	// Local answers /local/ on the socket: what only the owner's programs may ask.
	Local http.Handler
	// Heartbeat is how often a silent stream shows that it is alive; 15 seconds, as
	// on upstream's flow stream.
	Heartbeat time.Duration
	// Patience is how long a request's body may take, and each piece of an answer; 0
	// means a minute.
	Patience time.Duration
	// Ready says whether the parts behind the server work; nil is always ready.
	Ready func(context.Context) error
}

// Server is the web server.
type Server struct {
	options  Options
	tcp      *echo.Echo
	local    *echo.Echo
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	streams  prometheus.Gauge
	secure   bool
	base     string // of every address, without the slash at its end
	proxies  []netip.Prefix
	files    *files
	needs    needs
	pages    map[string]bool

	strict, free *limit.Limiter

	previewMu  sync.Mutex
	previewing map[string]*preview // by ticket and by cookie
}

// New wires the routes.
func New(options Options) (*Server, error) {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Heartbeat <= 0 {
		options.Heartbeat = 15 * time.Second
	}
	if options.Patience <= 0 {
		options.Patience = time.Minute
	}
	if options.App == nil {
		options.App = embed.FS{} // empty: pages say that the app is not built
	}
	s := &Server{options: options, registry: prometheus.NewRegistry(), pages: map[string]bool{}, previewing: map[string]*preview{},
		strict: strictly(), free: freely()}
	s.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sandbox_http_requests_total", Help: "HTTP requests by route, method and status class."}, []string{"route", "method", "status"})
	s.streams = prometheus.NewGauge(prometheus.GaugeOpts{Name: "sandbox_live_streams", Help: "Live streams that are open."})
	s.registry.MustRegister(s.requests, s.streams)
	names := append([]string{"localhost", "127.0.0.1", "::1"}, options.AllowedHosts...)
	if u, err := url.Parse(options.PublicURL); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
		s.secure = u.Scheme == "https"
		s.base = strings.TrimSuffix(u.Path, "/")
	}
	s.files = newFiles(options.App, s.base)
	var err error
	if s.proxies, err = trusted(options.TrustedProxies); err != nil {
		return nil, err
	}
	if s.needs, err = readNeeds(); err != nil {
		return nil, err
	}
	if err := knownTools(options.Tools); err != nil {
		return nil, err
	}
	s.tcp = s.echo()
	s.tcp.IPExtractor = s.address()
	s.tcp.Pre(s.previews)
	if s.base != "" {
		s.tcp.Pre(wellKnown(s.base), underBase(s.base))
	}
	s.tcp.Use(hosts(append(names, s.appHosts()...)), sameOrigin(), s.onlyAppPage, s.perAddress, s.authorize)
	s.routes(s.tcp)
	s.local = s.echo()
	s.local.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set("via", "chat")
			c.SetRequest(withCaller(c.Request(), identity.OwnerClaims(options.Owner)))
			return next(c)
		}
	}, s.authorize)
	s.routes(s.local)
	for _, e := range []*echo.Echo{s.tcp, s.local} {
		if err := s.needs.complete(e, s.pages); err != nil {
			return nil, err
		}
	}
	if options.Local != nil {
		s.local.Any("/local/*", echo.WrapHandler(options.Local))
	}
	return s, nil
}

// Handler is for TCP.
func (s *Server) Handler() http.Handler { return s.tcp }

// LocalHandler is for the unix socket of the data directory's owner.
func (s *Server) LocalHandler() http.Handler { return s.local }

func (s *Server) echo() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.Use(s.headers, s.counted, within(s.options.Patience), middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
		s.options.Logger.Error("a handler panicked", slog.String("requestId", requestID(c)), slog.String("route", c.Path()), slog.String("error", err.Error()), slog.String("stack", string(stack)))
		return err
	}}), middleware.BodyLimitWithConfig(middleware.BodyLimitConfig{
		Limit: "2M",
		// They have limits of their own: one says so in upstream's words, one takes files.
		Skipper: func(c echo.Context) bool { return c.Path() == kubeconfigPath || c.Path() == uploadPath },
	}), middleware.GzipWithConfig(middleware.GzipConfig{
		Level: 5, MinLength: 1024,
		// Streams must not wait in a compressor, upgrades must keep their socket, and
		// files come compressed.
		Skipper: func(c echo.Context) bool {
			return c.Request().Header.Get("Upgrade") != "" || isStream(c.Path()) || c.Path() == soundPath || c.Path() == mcpPath || s.isFile(c)
		},
	}))
	return e
}

func (s *Server) counted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		if err != nil {
			s.fail(err, c)
		}
		// The route and not the address, which may hold a code or a token.
		s.options.Logger.Debug("request", slog.String("requestId", requestID(c)), slog.String("method", method(c.Request())), slog.String("route", c.Path()),
			slog.Int("status", c.Response().Status), slog.Duration("took", time.Since(began)))
		status := string(rune('0'+c.Response().Status/100)) + "xx"
		s.requests.WithLabelValues(c.Path(), method(c.Request()), status).Inc()
		return nil
	}
}

// method is the request's method as a label; callers may invent methods, and must
// not make series with them.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Method
	}
	return "other"
}

// routes is the one list of routes. openapi.yaml describes all but the app's pages,
// and says which capability each needs.
func (s *Server) routes(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok") })
	e.GET("/readyz", s.ready)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})))
	e.GET("/.well-known/jwks.json", s.jwks)

	api := e.Group("/api/v1")
	api.GET("/version", s.version)
	api.GET("/whoami", s.whoami)
	api.DELETE("/auth/session", s.signOut)
	api.POST("/auth/session", s.signOut)
	api.POST("/auth/pat", s.createToken)
	api.GET("/auth/pat", s.listTokens)
	api.DELETE("/auth/pat/:jti", s.revokeToken)
	api.GET("/me/export", s.exportPerson)
	api.DELETE("/me", s.erasePerson)
	api.GET("/audit", s.listAudit)
	api.GET("/audit/export", s.exportAudit)
	api.GET("/openapi.json", s.openAPI)
	api.GET("/cards/schema.json", s.cardSchema)

	s.signInRoutes(e, api)
	s.organizationRoutes(api)
	s.shellRoutes(api)

	if s.options.Mode == SovereignConsole {
		api.GET("/sovereign", s.sovereign)
		api.GET("/app", s.appPage)
		s.static(e)
		return
	}

	api.POST("/conversations", s.createConversation)
	api.GET("/conversations", s.listConversations)
	api.GET("/conversations/:id", s.getConversation)
	api.POST("/conversations/:id/turns", s.postTurn)
	api.POST("/conversations/:id/cancel", s.cancelTurn)
	api.GET("/conversations/:id/stream", s.stream)
	api.GET("/conversations/:id/events", s.events)
	api.GET("/conversations/:id/transcript", s.transcript)

	api.POST("/conversations/:id/call", s.postCall)
	api.PATCH("/calls/:id", s.patchCall)
	api.DELETE("/calls/:id", s.deleteCall)
	api.GET("/conversations/:id/recordings", s.listRecordings)
	api.GET("/recordings/:id/sound", s.recordingSound)
	api.GET("/recordings/:id/captions", s.recordingCaptions)
	api.DELETE("/recordings/:id", s.deleteRecording)

	api.GET("/drafts/:id", s.getDraft)
	api.PATCH("/drafts/:id", s.patchDraft)
	api.POST("/secrets", s.postSecrets)
	api.POST("/sshkey/generate", s.generateSSHKey)
	api.POST("/subdomains/check", s.checkSubdomain)
	api.GET("/catalogue/:list", s.catalogue)

	api.POST("/deployments", s.createDeployment)
	api.GET("/deployments", s.listDeployments)
	api.GET("/deployments/:id", s.getDeployment)
	api.GET("/deployments/:id/events", s.deploymentEvents)
	api.GET("/deployments/:id/logs", s.deploymentLogs)
	api.GET("/deployments/:id/jobs", s.deploymentJobs)
	api.POST("/deployments/:id/approval", s.approveDeployment)
	api.POST("/deployments/:id/cancel", s.cancelDeployment)
	api.POST("/deployments/:id/phases/:phase/retry", s.retryPhase)
	api.GET("/deployments/:id/tfvars", s.deploymentTfvars)
	api.GET("/deployments/:id/plan", s.deploymentPlan)
	// The new cluster has a bearer of its own, good for this one thing.
	e.PUT(kubeconfigPath, s.putKubeconfig)
	e.GET("/deployments/:id/enter", s.enter)

	if s.options.MCP != nil {
		s.mcpRoutes(e, api)
	}
	s.static(e)
}

// Listener is one address that the server answers at.
type Listener struct {
	net.Listener
	// TLS is set where it answers by https.
	TLS *tls.Config
	// Local is true for the unix socket of the data directory's owner.
	Local bool
}

// Serve answers on the listeners until ctx ends, then ends the streams and waits
// for requests that are being answered.
// wrap, if it is not nil, is put around the handlers.
func (s *Server) Serve(ctx context.Context, wrap func(http.Handler) http.Handler, listeners ...Listener) error {
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	type running struct {
		server   *http.Server
		listener Listener
	}
	var all []running
	for _, l := range listeners {
		var h http.Handler = s.tcp
		if l.Local {
			h = s.local
		}
		if wrap != nil {
			h = wrap(h)
		}
		all = append(all, running{&http.Server{
			Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			BaseContext: func(net.Listener) context.Context { return base },
			ErrorLog:    slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug),
			TLSConfig:   l.TLS,
		}, l})
	}
	failed := make(chan error, len(all))
	for _, r := range all {
		go func() { // ends with its server
			if r.listener.TLS != nil {
				failed <- r.server.ServeTLS(r.listener, "", "")
				return
			}
			failed <- r.server.Serve(r.listener)
		}()
	}
	var err error
	left := len(all)
	select {
	case <-ctx.Done():
	case err = <-failed:
		left--
	}
	end()
	quiet, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, r := range all {
		if e := r.server.Shutdown(quiet); e != nil {
			_ = r.server.Close()
		}
	}
	for ; left > 0; left-- {
		<-failed
	}
	if err == http.ErrServerClosed || os.IsTimeout(err) {
		err = nil
	}
	return err
}
