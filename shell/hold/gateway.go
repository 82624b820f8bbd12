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
	// ToolHeaders are what MCP servers are given with every request, by their names.
	ToolHeaders map[string]map[string]string `json:"toolHeaders,omitempty"`
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
	return knowing(m.Secret, forward(target, transport, func(h http.Header) {
		switch {
		case key == "":
		case strings.EqualFold(m.Header, "authorization"):
			h.Set("Authorization", "Bearer "+key)
		default:
			h.Set(m.Header, key)
		}
	}, `{"type":"error","error":{"type":"api_error","message":"the model of this session cannot be reached"}}`)), nil
}

// forward sends requests on to a target, with what give adds in the place of what the
// session sent to be let in. problem is the answer when the target is not there.
func forward(target *url.URL, transport http.RoundTripper, give func(http.Header), problem string) http.Handler {
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if r.In.URL.Path == "" { // an address that is one is not given a slash
				r.Out.URL.Path, r.Out.URL.RawPath = target.Path, target.RawPath
			}
			r.Out.Host = target.Host
			for _, h := range []string{"Authorization", "X-Api-Key", "Cookie"} {
				r.Out.Header.Del(h)
			}
			give(r.Out.Header)
		},
		FlushInterval: -1, // what is said bit by bit is passed on so
		ErrorLog:      log.New(discard{}, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, problem)
		},
	}
}

// knowing lets in who sends the secret.
func knowing(secret string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("X-Api-Key")
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			sent = bearer
		}
		if subtle.ConstantTimeCompare([]byte(sent), []byte(secret)) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
