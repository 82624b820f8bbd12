package openai

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
)

// Options say which model answers and where.
type Options struct {
	// Name is the provider's name of the model, e.g. "gpt-5". Required.
	Name string
	// BaseURL is the endpoint, ending in its version, e.g.
	// "https://api.openai.com/v1", which is also the default.
	BaseURL string
	// Key is sent as the bearer token. It may be empty for an endpoint of one's
	// own that wants none.
	Key string
	// Timeout bounds one step with all its retries; 0 means 90 seconds.
	Timeout time.Duration
	// Retries is how often the SDK tries again after 408, 409, 429, a server error
	// or a broken connection; 0 means 2, a negative number means never. A stream
	// that has begun is not tried again: the person has read its beginning.
	Retries int
	// MaxRetryDelay bounds the wait between two tries, also where the provider asks
	// for more (then it is not tried again); 0 means 8 seconds.
	MaxRetryDelay time.Duration
	// HTTPClient is used instead of one of our own, e.g. for a proxy.
	HTTPClient *http.Client
}

// Model implements [conversation.Model]. It is safe for concurrent use.
type Model struct {
	name    string
	key     string
	timeout time.Duration
	client  sdk.ChatCompletionService
}

var _ conversation.Model = (*Model)(nil)

// New makes a model. It does not call the endpoint. Faults: [fault.Invalid] for
// a missing name or an endpoint that is not an http(s) URL.
func New(o Options) (*Model, error) {
	if strings.TrimSpace(o.Name) == "" {
		return nil, fault.New(fault.Invalid, "the model has no name").At("model").Do("Give it as openai:NAME, for example openai:gpt-5.")
	}
	if o.BaseURL == "" {
		o.BaseURL = "https://api.openai.com/v1"
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fault.New(fault.Invalid, "the model's endpoint is not an http or https address").At("openai-base-url").
			Do("Give the address up to its version, for example https://api.openai.com/v1, without a user or password.")
	}
	if o.Timeout <= 0 {
		o.Timeout = 90 * time.Second
	}
	switch {
	case o.Retries == 0:
		o.Retries = 2
	case o.Retries < 0:
		o.Retries = 0
	}
	if o.MaxRetryDelay <= 0 {
		o.MaxRetryDelay = 8 * time.Second
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{
			// A provider does not send a chat elsewhere; who redirects is not the provider.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	opts := []option.RequestOption{
		option.WithBaseURL(strings.TrimRight(o.BaseURL, "/") + "/"),
		option.WithHTTPClient(o.HTTPClient),
		option.WithMaxRetries(o.Retries),
		option.WithMaxRetryDelay(o.MaxRetryDelay),
		option.WithMiddleware(guarded),
	}
	if o.Key != "" {
		opts = append(opts, option.WithAPIKey(o.Key))
	}
	// The service and not the client: the client would read the environment.
	return &Model{name: o.Name, key: o.Key, timeout: o.Timeout, client: sdk.NewChatCompletionService(opts...)}, nil
}

// Name is "openai:" and the provider's name of the model.
func (m *Model) Name() string { return "openai:" + m.name }

// Respond asks for one step and streams its text through say. See the package's
// invariants for errors.
func (m *Model) Respond(ctx context.Context, req conversation.Request, say func(string)) (conversation.Response, error) {
	if say == nil {
		say = func(string) {}
	}
	params := sdk.ChatCompletionNewParams{
		Model:         m.name,
		Messages:      messages(req),
		Tools:         tools(req.Tools),
		StreamOptions: sdk.ChatCompletionStreamOptionsParam{IncludeUsage: param.NewOpt(true)},
	}
	bounded, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	stream := m.client.NewStreaming(bounded, params)
	defer func() { _ = stream.Close() }()

	var a answer
	for stream.Next() {
		if err := a.take(stream.Current(), say); err != nil {
			return conversation.Response{}, m.failed(ctx, err)
		}
	}
	if err := stream.Err(); err != nil {
		return conversation.Response{}, m.failed(ctx, err)
	}
	resp, err := a.response()
	if err != nil {
		return conversation.Response{}, m.failed(ctx, err)
	}
	return resp, nil
}

// failed turns what went wrong into what Respond promises.
func (m *Model) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, "the model %s did not answer within %s", m.Name(), m.timeout)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		f.Message = "the model " + m.Name() + " " + f.Message
		return f
	}
	return m.providerFault(err)
}
