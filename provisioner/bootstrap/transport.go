package bootstrap

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxResponse is how many bytes of one response are read, after
	// decompression. A watch that reaches it is cut and continued by a new request.
	MaxResponse = 16 << 20

	listTime  = time.Minute
	watchTime = 15 * time.Minute // the reflector asks the server for 5 to 10
)

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// limitedTransport bounds what a hostile API server can cost: redirects are an
// error, a response is short in bytes and in time.
type limitedTransport struct{ next http.RoundTripper }

func (t limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	limit := listTime
	if w := req.URL.Query().Get("watch"); w == "true" || w == "1" {
		limit = watchTime
	}
	ctx, cancel := context.WithTimeout(req.Context(), limit)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("the API server answered with a redirect (%d), which is not followed", resp.StatusCode)
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: MaxResponse, done: cancel}
	return resp, nil
}

// limitedBody ends with an error, not with EOF, so that a cut list is never
// taken for a whole one.
type limitedBody struct {
	io.ReadCloser
	left int64
	done context.CancelFunc
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the API server's response is larger than %d bytes", MaxResponse)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

func (b *limitedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
