package simulator

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
)

// guard refuses requests that a web page sent through a name that was made to
// point at the loopback interface.
func (s *Simulator) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if host != "localhost" && (ip == nil || (!ip.IsLoopback() && !s.listensOn(ip))) {
			write(w, http.StatusForbidden, refuse(http.StatusForbidden, hcloud.ErrorCodeForbidden, "this host name is not the simulated cloud's").response())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Simulator) listensOn(ip net.IP) bool {
	a, isTCP := s.listener.Addr().(*net.TCPAddr)
	return isTCP && a.IP.Equal(ip)
}

// api wraps a handler with what every call of the API has: the token, the rate
// limit, one request at a time, durability before the answer, and the log.
func (s *Simulator) api(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := now()
		entry := Request{Time: begun, Method: r.Method, Path: r.URL.Path}
		rep, err := s.admit(w, r)
		if err == nil {
			rep, err = s.handle(h, r, begun, &entry)
		}
		if err != nil {
			e := asAPIError(err)
			if e.status >= http.StatusInternalServerError {
				s.log.Error("a request to the simulated cloud failed", "method", r.Method, "path", r.URL.Path, "error", err)
			}
			rep = reply{e.status, e.response()}
			if e.code == hcloud.ErrorCodeRateLimitExceeded {
				w.Header().Set("Retry-After", "1")
			}
		}
		entry.Status, entry.DurationMS = rep.status, now().Sub(begun).Milliseconds()
		// The log has to hold a change before its answer is out: it is the
		// proof that nothing was made twice.
		if err := s.requests.add(entry, r.Method != http.MethodGet); err != nil {
			s.log.Error("the request log cannot be written", "error", err)
		}
		w.Header().Set("X-Correlation-Id", correlationID())
		write(w, rep.status, rep.body)
	})
}

// admit checks the token and the rate limit and sets the RateLimit-* headers.
func (s *Simulator) admit(w http.ResponseWriter, r *http.Request) (reply, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	readOnly := s.options.ReadOnlyToken != "" && same(token, s.options.ReadOnlyToken)
	if !readOnly && !s.accepts(token) {
		return reply{}, refuse(http.StatusUnauthorized, hcloud.ErrorCodeUnauthorized, "unable to authenticate")
	}
	if l := s.limiter; l != nil {
		allowed := l.Allow()
		left := max(0, l.Tokens())
		full := now().Add(time.Duration((float64(l.Burst()) - left) / float64(l.Limit()) * float64(time.Second)))
		w.Header().Set("RateLimit-Limit", strconv.Itoa(l.Burst()))
		w.Header().Set("RateLimit-Remaining", strconv.Itoa(int(left)))
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(full.Unix(), 10))
		if !allowed {
			return reply{}, refuse(http.StatusTooManyRequests, hcloud.ErrorCodeRateLimitExceeded, "limit of %d requests per hour reached", l.Burst())
		}
	}
	if readOnly && r.Method != http.MethodGet {
		return reply{}, refuse(http.StatusForbidden, hcloud.ErrorCodeTokenReadonly, "the token is only allowed to perform GET requests")
	}
	return reply{}, nil
}

// accepts reports whether the token opens the project.
func (s *Simulator) accepts(token string) bool {
	if s.options.Token == "" {
		return len(token) == TokenLength
	}
	return same(token, s.options.Token)
}

// same compares two secrets in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// handle runs a handler alone on the project and stores what it changed.
func (s *Simulator) handle(h handler, r *http.Request, at time.Time, entry *Request) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return reply{}, refuse(http.StatusBadRequest, hcloud.ErrorCodeJSONError, "the request body could not be read")
	}
	if len(body) > maxBody {
		return reply{}, refuse(http.StatusRequestEntityTooLarge, hcloud.ErrorCodeInvalidInput, "the request body is larger than %d bytes", maxBody)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(at); err != nil {
		return reply{}, err
	}
	c := &call{sim: s, p: s.p, now: at, r: r, body: body}
	rep, err := h(c)
	if r.Method == http.MethodGet {
		return rep, err
	}
	if err == nil {
		err = s.store.save(s.p)
	}
	if err != nil {
		s.p = s.store.restore()
		return reply{}, err
	}
	s.sweep()
	poke(s.wake)
	entry.Name = c.created
	return rep, nil
}

// noRoute answers a path or method that the API does not have.
func noRoute(c *call) (reply, error) {
	return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "the simulated cloud has no %s %s", c.r.Method, cut(c.r.URL.Path, 120))
}

func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":{"code":"server_error","message":"the answer cannot be encoded","details":null}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(data)
}

func correlationID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
