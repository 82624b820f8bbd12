package hold

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Model is how a session reaches the model that its agent thinks with: through
// the holder, which alone has the key. The session knows a secret of its own,
// which is good for nothing else.
type Model struct {
	// URL is the address that the session's paths are put behind.
	URL string `json:"url"`
	// Header is the header that takes the key: "x-api-key", or "authorization" as a
	// bearer.
	Header string `json:"header"`
	// Secret is what the session sends in that place.
	Secret string `json:"secret"`
	// Hosts are those with a port that the address may be on, as in [Egress]; none is
	// any, for an address that the operator gave.
	Hosts []string `json:"hosts,omitempty"`
}

// Secrets are handed to a holder when it starts, and kept in its memory only.
type Secrets struct {
	ModelKey string `json:"modelKey,omitempty"`
	// RepositoryToken is good for the session's repository.
	RepositoryToken string `json:"repositoryToken,omitempty"`
}

// handler forwards a session's requests to its model.
func (m *Model) handler(key string) (http.Handler, error) {
	target, err := url.Parse(m.URL)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") || m.Secret == "" {
		return nil, errors.Join(fmt.Errorf("the order's model has no address: %q", m.URL), err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if len(m.Hosts) > 0 {
		if err := CheckHost(target, m.Hosts); err != nil {
			return nil, err
		}
		transport.Proxy, transport.DialContext = nil, DialListed(m.Hosts)
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = target.Host
			for _, h := range []string{"Authorization", "X-Api-Key", "Cookie"} {
				r.Out.Header.Del(h)
			}
			switch {
			case key == "":
			case strings.EqualFold(m.Header, "authorization"):
				r.Out.Header.Set("Authorization", "Bearer "+key)
			default:
				r.Out.Header.Set(m.Header, key)
			}
		},
		FlushInterval: -1, // what a model says is passed on as it is said
		ErrorLog:      log.New(discard{}, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintf(w, `{"type":"error","error":{"type":"api_error","message":"the model of this session cannot be reached"}}`)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("X-Api-Key")
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			sent = bearer
		}
		if subtle.ConstantTimeCompare([]byte(sent), []byte(m.Secret)) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}), nil
}
