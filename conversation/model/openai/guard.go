package openai

import (
	"io"
	"mime"
	"net/http"

	"github.com/openai/openai-go/v3/option"

	"github.com/openova-io/sandbox/conversation/fault"
)

// What is read of an endpoint's answer at most, in bytes: of a stream, with its
// JSON around every word, and of the page that comes with an error. The SDK reads
// both to their end.
const (
	maxStream = 64 << 20
	maxError  = 64 << 10
)

// guarded makes errors of answers that the SDK would read as an empty stream, and
// bounds all of them.
func guarded(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	res, err := next(r)
	if err != nil {
		return res, err
	}
	body := res.Body
	refuse := func(f *fault.Error) (*http.Response, error) {
		_ = body.Close()
		return res, f
	}
	switch media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); {
	case res.StatusCode >= 400:
		res.Body = closing{io.LimitReader(body, maxError), body}
	case res.StatusCode >= 300:
		return refuse(fault.New(fault.Unavailable, "redirects with status %d, which is not followed; give the endpoint's final address", res.StatusCode))
	case media == "application/json", media == "text/html":
		return refuse(fault.New(fault.Unavailable, "answers with %s instead of a stream of events; check the endpoint's address", media))
	default:
		res.Body = closing{&bounded{body, maxStream}, body}
	}
	return res, nil
}

type closing struct {
	io.Reader
	io.Closer
}

// bounded fails when more is read than there may be.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooMuch()
	}
	return n, err
}

func errTooMuch() *fault.Error {
	return fault.New(fault.Unavailable, "sent more than one step may hold")
}
