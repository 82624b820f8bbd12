package openai

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Options say which service is asked.
type Options struct {
	// BaseURL is the endpoint, ending in its version; OpenAI's own.
	BaseURL string
	// Key is sent as the bearer token; it may be empty for a service of one's own.
	Key string
	// Model is the provider's name of it, such as "gpt-4o-mini-transcribe" or "tts-1".
	Model string
	// Voice is the provider's name of a voice, for a [Mouth]; "alloy".
	Voice string
	// First is how long the first byte of an answer may take, with all tries, Next how
	// long every further piece; 6 and 3 seconds.
	First, Next time.Duration
	// Retries is how often a request is tried again after 408, 409, 429, a server error
	// or a broken connection; 1, and a negative number is never.
	Retries int
}

// checked fills in what is left out. Fault: [fault.Invalid].
func (o Options) checked() (Options, error) {
	if strings.TrimSpace(o.Model) == "" {
		return o, fault.New(fault.Invalid, "the speech service's model has no name").Do("Give it as openai:NAME, for example openai:gpt-4o-mini-transcribe.")
	}
	if o.BaseURL == "" {
		o.BaseURL = "https://api.openai.com/v1"
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return o, fault.New(fault.Invalid, "the speech service is not an http or https address").
			Do("Give the address up to its version, for example https://api.openai.com/v1, without a user or password.")
	}
	if o.Voice == "" {
		o.Voice = "alloy"
	}
	if o.First <= 0 {
		o.First = 6 * time.Second
	}
	if o.Next <= 0 {
		o.Next = 3 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 1
	}
	o.Retries = max(0, o.Retries)
	return o, nil
}

func (o Options) request() []option.RequestOption {
	opts := []option.RequestOption{
		option.WithBaseURL(strings.TrimRight(o.BaseURL, "/") + "/"),
		option.WithMaxRetries(o.Retries),
		option.WithMaxRetryDelay(time.Second),
		option.WithHTTPClient(&http.Client{
			// What a person says is not sent on to wherever a redirect points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	if o.Key != "" {
		opts = append(opts, option.WithAPIKey(o.Key))
	}
	return opts
}

// failed is the fault of a request. What the service says may repeat the key or
// what was said, so only its status is kept.
func failed(what string, err error) error {
	var e *sdk.Error
	switch {
	case errors.As(err, &e) && (e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden):
		return fault.New(fault.Unavailable, "the speech service refuses the key").Do("Check the key and what it may be used for.")
	case errors.As(err, &e):
		return fault.New(fault.Unavailable, "the speech service answered %d and %s", e.StatusCode, what)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errSlow), errors.Is(err, context.Canceled):
		return fault.New(fault.Unavailable, "the speech service is too slow and %s", what)
	}
	return fault.New(fault.Unavailable, "the speech service cannot be reached and %s", what)
}

// errSlow is why a body is given up.
var errSlow = errors.New("no more came in time")

// patient is a body whose pieces each come in time, or it fails.
type patient struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	next   time.Duration
	timer  *time.Timer
}

// newPatient watches the body of an answer; cancel ends its request.
func newPatient(body io.ReadCloser, next time.Duration, cancel context.CancelCauseFunc) *patient {
	p := &patient{body: body, cancel: cancel, next: next}
	p.timer = time.AfterFunc(next, func() { cancel(errSlow) })
	return p
}

func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(p.next)
	n, err := p.body.Read(b)
	p.timer.Stop()
	return n, err
}

func (p *patient) Close() error {
	p.timer.Stop()
	p.cancel(context.Canceled)
	return p.body.Close()
}
