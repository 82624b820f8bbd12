package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/openova-io/sandbox/conversation/fault"
)

// HTTPOptions configure an [Endpoint]. Authenticate is needed.
type HTTPOptions struct {
	// Authenticate names the caller of a request that has a bearer token, or fails
	// with a fault; fault.Unauthenticated is answered with a challenge.
	Authenticate func(*http.Request) (Caller, error)
	// Challenge are further parameters of the WWW-Authenticate header, such as
	// `resource_metadata="https://..."` (RFC 9728).
	Challenge string
	// SessionIdleTTL ends sessions whose client went away without saying so; 0 means
	// 30 minutes.
	SessionIdleTTL time.Duration
}

// Endpoint serves a toolbox over streamable HTTP.
type Endpoint struct {
	options   HTTPOptions
	transport *server.StreamableHTTPServer
	sessions  *sessions
	closing   context.Context
	close     context.CancelFunc
}

// Handler serves the toolbox over streamable HTTP. Close it when done.
func (r *Registry) Handler(o HTTPOptions) *Endpoint {
	s := r.server()
	e := &Endpoint{options: o, sessions: newSessions(s)}
	e.closing, e.close = context.WithCancel(context.Background())
	e.transport = server.NewStreamableHTTPServer(s,
		server.WithEventStore(newEventStore()),
		// What WithStateful does, and each session is its owner's.
		server.WithSessionIdManagerResolver(e.sessions),
		server.WithSessionIdleTTL(cmp.Or(o.SessionIdleTTL, 30*time.Minute)),
		server.WithStreamableHTTPLogger(r.logger),
		// The Host allow-list of the web server is the protection against rebinding, and
		// it knows the names that this service really has.
		server.WithDisableLocalhostProtection(true),
	)
	return e
}

// Close ends all calls, all sessions and the sweeper of idle ones. It may be called
// more than once.
func (e *Endpoint) Close() error {
	e.close()
	return e.transport.Shutdown(context.Background())
}

// ServeHTTP refuses what the protocol need not see, and hands on the rest.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !sameOrigin(req) {
		refuse(w, http.StatusForbidden, fault.New(fault.Denied, "a page of another site may not use this toolbox"))
		return
	}
	caller, err := e.authenticate(req)
	if err != nil {
		f := fault.From(err)
		if f.Code == fault.Unauthenticated {
			w.Header().Set("WWW-Authenticate", e.challenge(req))
		}
		refuse(w, f.HTTPStatus(), f)
		return
	}
	req = req.WithContext(WithCaller(req.Context(), caller))
	session := req.Header.Get(server.HeaderKeySessionID)
	switch req.Method {
	case http.MethodPost:
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxMessage))
		if err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				refuse(w, http.StatusRequestEntityTooLarge, fault.New(fault.Limited, "a message may have at most 1 MiB"))
			}
			return // else the client is gone
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		m := headOf(req, body)
		switch {
		case m.sessionless && m.Method == mcpgo.MethodNotificationCancelled:
			// Without sessions a request's id is not the client's alone, so that this would
			// cancel somebody else's request. Such a client cancels by hanging up.
			w.WriteHeader(http.StatusAccepted)
			return
		case m.sessionless:
			p := &progressWriter{w: w}
			defer p.end()
			w, req = p, req.WithContext(context.WithValue(req.Context(), writerKey{}, p))
		case m.Method != mcpgo.MethodInitialize && !e.mayUse(w, session, caller):
			return
		default:
			// A client with a session that loses its connection has not cancelled its call:
			// it may come back for the rest.
			// It has, when the token that it came with has ended.
			connected := req.Context()
			ctx, cancel := context.WithCancel(context.WithoutCancel(connected))
			defer cancel()
			defer context.AfterFunc(e.closing, cancel)()
			defer context.AfterFunc(connected, func() {
				if fault.CodeOf(context.Cause(connected)) == fault.Unauthenticated {
					cancel()
				}
			})()
			req = req.WithContext(ctx)
		}
	case http.MethodGet:
		// Nothing is ever sent outside a call, so there is nothing to listen to: only a
		// call whose connection broke is taken up again. A second stream would take
		// notifications away from the call that they belong to.
		if req.Header.Get("Last-Event-ID") == "" || sessionless(req.Header.Get(mcpgo.HeaderProtocolVersion)) {
			w.Header().Set("Allow", "POST, DELETE")
			refuse(w, http.StatusMethodNotAllowed, fault.New(fault.Invalid, "this server sends nothing outside the answer to a request").
				Do("Send Last-Event-ID to take up an answer that broke off."))
			return
		}
		if !e.mayUse(w, session, caller) {
			return
		}
	case http.MethodDelete:
		if !sessionless(req.Header.Get(mcpgo.HeaderProtocolVersion)) && !e.mayUse(w, session, caller) {
			return
		}
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		refuse(w, http.StatusMethodNotAllowed, fault.New(fault.Invalid, "this address does not take that method"))
		return
	}
	e.transport.ServeHTTP(w, req)
}

// authenticate wants a bearer token: a cookie that a browser sends by itself must
// not be enough to use a tool.
func (e *Endpoint) authenticate(req *http.Request) (Caller, error) {
	if _, ok := bearer(req); !ok {
		return Caller{}, fault.New(fault.Unauthenticated, "this needs a bearer token").
			Do("Send it as Authorization: Bearer TOKEN.")
	}
	return e.options.Authenticate(req)
}

func bearer(req *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// challenge is the WWW-Authenticate header (RFC 6750 §3): without an error for a
// client that sent no token, since it may just not have known.
func (e *Endpoint) challenge(req *http.Request) string {
	out := `Bearer realm="sandbox"`
	if _, sent := bearer(req); sent {
		out += `, error="invalid_token", error_description="the token is not valid here, or not any more"`
	}
	if e.options.Challenge != "" {
		out += ", " + e.options.Challenge
	}
	return out
}

// mayUse refuses a session that is missing (400), or has ended or is another
// person's (404, upon which a client begins anew).
func (e *Endpoint) mayUse(w http.ResponseWriter, session string, caller Caller) bool {
	switch {
	case session == "":
		refuse(w, http.StatusBadRequest, fault.New(fault.Invalid, "the request names no session").
			Do("Send initialize first, and then its Mcp-Session-Id with every request."))
	case !e.sessions.has(session, caller.Actor.Subject):
		refuse(w, http.StatusNotFound, fault.New(fault.NotFound, "this session has ended, or never was").Do("Send initialize to begin a new one."))
	default:
		return true
	}
	return false
}

// head is what has to be known of a message before the protocol sees it.
type head struct {
	Method mcpgo.MCPMethod `json:"method"`
	Params struct {
		Meta *mcpgo.Meta `json:"_meta"`
	} `json:"params"`
	// sessionless: the message is of revision 2026-07-28 or later.
	sessionless bool
}

func headOf(req *http.Request, body []byte) head {
	var m head
	_ = json.Unmarshal(body, &m) // what cannot be read is refused by the protocol
	m.sessionless = sessionless(req.Header.Get(mcpgo.HeaderProtocolVersion)) || sessionless(m.Params.Meta.ProtocolVersion())
	return m
}

// sessionless says whether a protocol revision has no sessions.
func sessionless(version string) bool { return mcpgo.IsModernProtocol(version) }

// sameOrigin is false for a request that a page of another origin made. Programs
// send no Origin.
func sameOrigin(req *http.Request) bool {
	origin := req.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, req.Host)
}

// refuse answers with the fault as a problem (RFC 9457).
func refuse(w http.ResponseWriter, status int, f *fault.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		*fault.Error
	}{"about:blank", f.Message, status, f.Hint, f})
}
