package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
)

// progressWriter answers one request whose client has no session. The library
// loses notifications of such a request now and then, when the answer is ready
// before it has written them; here each is written when it is made. The first one
// makes the answer a stream of events, and what the library writes afterwards its
// last event. Until then everything goes through as it comes.
type progressWriter struct {
	w http.ResponseWriter

	mu        sync.Mutex
	begun     bool // the library has begun its answer
	streaming bool
	last      bytes.Buffer
}

func (p *progressWriter) Header() http.Header { return p.w.Header() }

func (p *progressWriter) WriteHeader(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun = true; !p.streaming {
		p.w.WriteHeader(status)
	}
}

func (p *progressWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun = true; p.streaming {
		return p.last.Write(b)
	}
	return p.w.Write(b)
}

// Flush is what makes a stream of the library's own possible.
func (p *progressWriter) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.streaming {
		_ = http.NewResponseController(p.w).Flush()
	}
}

// notify writes a notification, unless the answer has begun.
func (p *progressWriter) notify(n mcpgo.JSONRPCNotification) {
	raw, err := json.Marshal(n)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun {
		return
	}
	if !p.streaming {
		p.streaming = true
		p.w.Header().Set("Content-Type", "text/event-stream")
		p.w.Header().Set("Cache-Control", "no-cache")
		p.w.WriteHeader(http.StatusOK)
	}
	p.event(raw)
}

// end writes the answer of a request that became a stream.
func (p *progressWriter) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer := bytes.TrimSpace(p.last.Bytes()); p.streaming && len(answer) > 0 {
		p.event(answer)
	}
}

// event writes to a client that may be gone, which the request's context tells.
func (p *progressWriter) event(raw []byte) {
	_, _ = fmt.Fprintf(p.w, "event: message\ndata: %s\n\n", raw)
	_ = http.NewResponseController(p.w).Flush()
}
