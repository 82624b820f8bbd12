package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/app"
	"github.com/openova-io/sandbox/web/identity"
)

// serviceInfo is what a service tells its owner's programs.
type serviceInfo struct {
	URL     string `json:"url"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

// runServe is the service, or the console of a Sovereign.
func runServe(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) > 0 {
		fmt.Fprintln(std.err, "sandbox serve takes no arguments, only options")
		return errUsage
	}
	lock, err := lockDir(c.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	tcp, err := listenTCP(c)
	if err != nil {
		return err
	}
	defer tcp.Close()
	public, err := publicURL(c, tcp)
	if err != nil {
		return err
	}
	logger := newLogger(c, std.err)
	secure, err := tlsConfig(c, logger)
	if err != nil {
		return err
	}
	lan, err := openLAN(c)
	if err != nil {
		return err
	}
	local, err := listenLocal(c.DataDir)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the socket in the data directory cannot be opened")
	}
	defer local.Close()
	listeners := []web.Listener{{Listener: tcp, TLS: secure}, {Listener: local, Local: true}}
	if lan != nil {
		defer lan.Close()
		listeners = append(listeners, lan.Listener)
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &service{c: c, public: public, logger: logger, stop: stop, lan: lan}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()
	server, err := s.server()
	if err != nil {
		return err
	}
	background := s.start(ctx)
	s.greet(std)
	idle := newIdle(c.IdleExit, s.inFlight, stop)
	idle.start(ctx)
	if s.endpoint != nil { // its calls outlive their connections, but not the service
		defer context.AfterFunc(ctx, func() { _ = s.endpoint.Close() })()
	}
	err = server.Serve(ctx, idle.wrap, listeners...)
	stop()
	idle.wait()
	background.Wait()
	return err
}

// greet says where the service is, and gives its owner the way in.
func (s *service) greet(std stdio) {
	if s.sovereign != nil {
		fmt.Fprintf(std.out, "The console of %s answers at %s\n", s.sovereign.FQDN, s.public)
		return
	}
	code := s.identity.NewCode(s.owner())
	fmt.Fprintf(std.out, "\n  OpenOva Sandbox %s (%s cloud)\n\n  Open this link once to sign in:\n  %s/auth/link?code=%s\n\n  Data: %s\n  Stop: Ctrl-C; what is being built goes on.\n\n",
		buildVersion(), s.c.Cloud, s.public, code, shorten(s.c.DataDir))
	if s.lan != nil {
		s.lan.greet(std.out, s.identity.NewCode(s.owner()))
	}
	if !app.Built() {
		fmt.Fprintln(std.out, "  The web app is not in this binary; make build puts it in. sandbox chat works without it.")
	}
	if w := (tools{s.c}).waiting(); w != "" {
		fmt.Fprintf(std.out, "  %s\n\n", w)
	}
}

// owner is the person who owns the data directory.
func (s *service) owner() journal.Actor {
	return journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true, OrgID: identity.Home}
}

// listenTCP opens the web server's port. Port 0 means a free one the first time
// and the same one ever after; the usual port, if somebody else has it, likewise.
func listenTCP(c *config) (net.Listener, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--listen is %q and not HOST:PORT", c.Listen)
	}
	if port != "0" {
		l, err := net.Listen("tcp", c.Listen)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) || c.Listen != defaultListen || c.IdleExit == 0 {
			return nil, fault.New(fault.Unavailable, "the address %s cannot be listened on (%v)", c.Listen, err).Do("Name another with --listen, or stop what uses it.")
		}
	}
	file := filepath.Join(c.DataDir, "port")
	if raw, err := os.ReadFile(file); err == nil {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strings.TrimSpace(string(raw)))); err == nil {
			return l, nil
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no port can be listened on")
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l, os.WriteFile(file, []byte(port), 0o600)
}

// publicURL is how people reach the service. Port 0 in --public-url stands for
// the port that is listened on.
func publicURL(c *config, l net.Listener) (string, error) {
	if c.PublicURL == "" {
		if !encrypted(c) {
			return "http://" + l.Addr().String(), nil
		}
		if hosts := list(c.ACMEHosts); len(hosts) > 0 {
			return "https://" + hosts[0], nil
		}
		return "https://" + l.Addr().String(), nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fault.New(fault.Invalid, "--public-url is %q and not an http or https address", c.PublicURL)
	}
	if u.Port() == "0" {
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// local answers what only the owner's programs may ask, over the socket.
func (s *service) local() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /local/info", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(serviceInfo{URL: s.public, PID: os.Getpid(), Version: buildVersion()})
	})
	mux.HandleFunc("POST /local/stop", s.serveStop)
	mux.HandleFunc("POST /local/link", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"url": s.public + "/auth/link?code=" + s.identity.NewCode(s.owner())})
	})
	s.localKeys(mux)
	s.localBackup(mux)
	if s.toolbox != nil {
		mux.HandleFunc("GET /local/mcp/concierge", s.serveStdioClient)
	}
	return mux
}

// serveStop ends the service. The answer's body is empty and ends with the process:
// whoever reads it to its end knows that the data directory is nobody's any more.
func (s *service) serveStop(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		s.stopping.Store(conn, nil) // a connection that nothing refers to is closed
		_, err = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\n")
	}
	if err != nil {
		s.logger.Warn("whoever stops the service will not see it end", "error", err.Error())
	}
	s.stop()
}

// idle ends a service that a client started once nobody needs it.
type idle struct {
	after    time.Duration
	inFlight func(context.Context) bool
	stop     func()
	done     sync.WaitGroup

	mu     sync.Mutex
	active int
	last   time.Time
}

func newIdle(after time.Duration, inFlight func(context.Context) bool, stop func()) *idle {
	return &idle{after: after, inFlight: inFlight, stop: stop, last: time.Now()}
}

func (i *idle) wrap(next http.Handler) http.Handler {
	count := func(n int) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.active, i.last = i.active+n, time.Now()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count(1)
		defer count(-1)
		next.ServeHTTP(w, r)
	})
}

func (i *idle) start(ctx context.Context) {
	if i.after == 0 {
		return
	}
	i.done.Go(func() { // ends with ctx
		tick := time.NewTicker(max(i.after/10, time.Second))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			i.mu.Lock()
			quiet := i.active == 0 && time.Since(i.last) > i.after
			i.mu.Unlock()
			if quiet && !i.inFlight(ctx) {
				i.stop()
				return
			}
		}
	})
}

func (i *idle) wait() { i.done.Wait() }

// readSovereign reads what a console is told of its Sovereign.
func readSovereign(c *config) (*web.Sovereign, *identity.HandoverTrust, error) {
	raw, err := os.ReadFile(c.SovereignFile)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "--sovereign-file cannot be read")
	}
	var file sovereignFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "--sovereign-file is not valid JSON")
	}
	s := file.Sovereign
	s.FQDN = c.SovereignFQDN
	key, err := os.ReadFile(c.HandoverKeyFile)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "--handover-key cannot be read")
	}
	return &s, &identity.HandoverTrust{PublicKey: key, Issuer: c.HandoverIssue, FQDN: c.SovereignFQDN}, nil
}

// inFlight says whether a deployment is running.
func (s *service) inFlight(ctx context.Context) bool {
	if s.provisioner == nil {
		return true // a console stays as long as its Sovereign
	}
	list, err := s.provisioner.Deployments(ctx, journal.Actor{Kind: journal.System}) // everybody's
	if err != nil {
		return true
	}
	for _, d := range list {
		if d.Status.InFlight() {
			return true
		}
	}
	return false
}
