package hold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Egress is where a session may connect to besides its model: nothing but what is
// listed, through an HTTP proxy (RFC 9110, section 9.3.6) that the holder serves.
type Egress struct {
	// Allow are hosts with a port, as "github.com:443", "*.npmjs.org:443" for every
	// name below that one, or "192.0.2.7:8080".
	Allow []string `json:"allow"`
}

// egressFile is the log of what a session connected to, and of what it was
// refused: JSON Lines.
const egressFile = "egress.jsonl"

// maxEgressLog bounds it, in bytes.
const maxEgressLog = 8 << 20

// EgressEntry is one line of the log.
type EgressEntry struct {
	At      time.Time `json:"at"`
	Target  string    `json:"target"`
	Allowed bool      `json:"allowed"`
	Problem string    `json:"problem,omitempty"`
}

// allows says whether a target is on the list, and whether it is there as an
// address, which may then also be a private one.
func (e *Egress) allows(host, port string) (ok, literal bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, err := netip.ParseAddr(host)
	for _, entry := range e.Allow {
		name, p, err2 := net.SplitHostPort(strings.ToLower(entry))
		if err2 != nil || p != port {
			continue
		}
		if name == host {
			return true, err == nil
		}
		if below, wild := strings.CutPrefix(name, "*."); wild && err != nil && strings.HasSuffix(host, "."+below) {
			return true, false
		}
	}
	return false, false
}

// CheckEgress says what is wrong with an entry of the list.
func CheckEgress(entry string) error {
	host, port, err := net.SplitHostPort(entry)
	if err != nil || host == "" || strings.Trim(port, "0123456789") != "" || port == "" {
		return fmt.Errorf("%q is no host with a port, such as github.com:443", entry)
	}
	if strings.Contains(strings.TrimPrefix(host, "*."), "*") {
		return fmt.Errorf("%q has a * that does not stand for everything below a name", entry)
	}
	return nil
}

// CheckHost says why a credential must not be sent to an address: its host is not
// on the list, or it would travel in the clear.
func CheckHost(u *url.URL, hosts []string) error {
	ok, literal := (&Egress{Allow: hosts}).allows(u.Hostname(), portOf(u))
	if !ok {
		return fmt.Errorf("%s is not among the hosts that are allowed here", u.Host)
	}
	if u.Scheme == "http" && !literal {
		return errors.New("a secret must not travel in the clear: use https")
	}
	return nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// DialListed connects to hosts with ports of a list and to nothing else, as the proxy of a
// session does.
func DialListed(hosts []string) func(ctx context.Context, network, address string) (net.Conn, error) {
	e := &egress{rules: &Egress{Allow: hosts}, dialer: net.Dialer{Timeout: 20 * time.Second}}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		conn, _, err := e.dial(ctx, address)
		return conn, err
	}
}

// errInside: a name of the outside that leads to the inside.
var errInside = errors.New("the name leads to an address of this machine or its network")

// egress is the proxy of one session.
type egress struct {
	rules  *Egress
	dialer net.Dialer

	mu   sync.Mutex // guards log
	log  *os.File
	size int
}

func newEgress(dir string, rules *Egress) (*egress, error) {
	log, err := os.OpenFile(filepath.Join(dir, egressFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return &egress{rules: rules, log: log, dialer: net.Dialer{Timeout: 20 * time.Second}}, err
}

func (e *egress) note(target string, allowed bool, err error) {
	if e.log == nil {
		return
	}
	entry := EgressEntry{At: time.Now().UTC(), Target: target, Allowed: allowed}
	if err != nil {
		entry.Problem = err.Error()
	}
	raw, _ := json.Marshal(entry)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.size += len(raw) + 1; e.size <= maxEgressLog {
		_, _ = e.log.Write(append(raw, '\n'))
	}
}

// dial connects to a target that is on the list. What a listed name resolves to is
// looked at after it was resolved, so that it cannot lead to this machine, its
// network or a cloud's metadata.
func (e *egress) dial(ctx context.Context, target string) (net.Conn, int, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	ok, literal := e.rules.allows(host, port)
	if !ok {
		err := fmt.Errorf("%s is not on the list of what this session may connect to", target)
		e.note(target, false, nil)
		return nil, http.StatusForbidden, err
	}
	dialer := e.dialer
	if !literal {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			a, err := netip.ParseAddrPort(address)
			if err != nil || Inward(a.Addr()) {
				return errInside
			}
			return nil
		}
	}
	conn, err := dialer.DialContext(ctx, "tcp", target)
	switch {
	case errors.Is(err, errInside):
		e.note(target, false, errInside)
		return nil, http.StatusForbidden, err
	case err != nil:
		e.note(target, true, err)
		return nil, http.StatusBadGateway, err
	}
	e.note(target, true, nil)
	return conn, 0, nil
}

// Inward is true for addresses that are not of the open internet.
func Inward(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsGlobalUnicast() || a.IsPrivate() || sharedNetwork.Contains(a)
}

// sharedNetwork is the address space of carriers and of some clouds' metadata
// (RFC 6598).
var sharedNetwork = netip.MustParsePrefix("100.64.0.0/10")

func (e *egress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		e.connect(w, r)
		return
	}
	if r.URL.Host == "" || r.URL.Scheme != "http" {
		http.Error(w, "this is a proxy", http.StatusBadRequest)
		return
	}
	target := r.URL.Host
	if r.URL.Port() == "" {
		target = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	conn, status, err := e.dial(r.Context(), target)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	defer conn.Close()
	proxy := httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.Out.Header.Del("Proxy-Authorization") },
		FlushInterval: -1,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			return conn, nil
		}},
	}
	proxy.ServeHTTP(w, r)
}

func (e *egress) connect(w http.ResponseWriter, r *http.Request) {
	far, status, err := e.dial(r.Context(), r.Host)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	defer far.Close()
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "no tunnel can be made", http.StatusInternalServerError)
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	stop := context.AfterFunc(r.Context(), func() { near.Close(); far.Close() })
	defer stop()
	join(far.(half), near.(half), buffered.Reader)
}

// ReadEgress gives the last entries of a session's log, at most so many.
func ReadEgress(dir string, most int) ([]EgressEntry, error) {
	raw, err := os.ReadFile(filepath.Join(dir, egressFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	var out []EgressEntry
	for _, line := range lines[max(len(lines)-most, 0):] {
		var e EgressEntry
		if json.Unmarshal([]byte(line), &e) == nil {
			out = append(out, e)
		}
	}
	return out, nil
}
