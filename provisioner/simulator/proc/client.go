package proc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Client is a running cloud as its owner sees it.
type Client struct {
	// URL is the API's address, ending in /v1.
	URL string
	// Token opens it, 64 characters.
	Token string

	dir     string
	process spool
	http    *http.Client
}

// Request is one entry of the cloud's request log.
type Request struct {
	Seq        int64     `json:"seq"`
	Time       time.Time `json:"time"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Status     int       `json:"status"`
	Name       string    `json:"name,omitempty"`
	DurationMS int64     `json:"durationMs"`
}

// Faults is what is to go wrong on purpose; the zero value ends all faults.
type Faults struct {
	FailAction  []string `json:"failAction,omitempty"`
	StallAction []string `json:"stallAction,omitempty"`
	OutOfStock  []string `json:"outOfStock,omitempty"`
	// FailRelease and StallRelease name releases in the clusters.
	FailRelease  []string `json:"failRelease,omitempty"`
	StallRelease []string `json:"stallRelease,omitempty"`
	// Times is how many actions fail or stall; 0 is no end.
	Times int `json:"times,omitempty"`
}

func newClient(dir string, process spool, token string) *Client {
	return &Client{
		URL: process.URL, Token: token, dir: dir, process: process,
		http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}},
	}
}

// PID is the cloud's process.
func (c *Client) PID() int { return c.process.PID }

// await polls the cloud's health until it is the expected process that
// answers. ended, if not nil, is closed when that process has ended.
func (c *Client) await(ctx context.Context, ended <-chan struct{}) error {
	for {
		if c.healthy(ctx) {
			return nil
		}
		select {
		case <-ended:
			return fault.New(fault.Unavailable, "the simulated cloud ended while it was starting").
				Do("read output.log in its folder")
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Unavailable, "the simulated cloud does not answer").(*fault.Error).
				Do("read output.log in its folder")
		case <-time.After(20 * time.Millisecond):
		}
		if !alive(c.process) {
			return fault.New(fault.Unavailable, "the simulated cloud ended").Do("read output.log in its folder")
		}
	}
}

// healthy asks the cloud who it is. While its address is not known it is read
// from the file in which the cloud remembers it; only an answer of the right
// process counts, so an address of last time is no harm.
func (c *Client) healthy(ctx context.Context) bool {
	url := c.URL
	if url == "" {
		address, err := os.ReadFile(filepath.Join(c.dir, "address"))
		if err != nil {
			return false
		}
		url = "http://" + strings.TrimSpace(string(address)) + "/v1"
	}
	var health struct {
		PID int `json:"pid"`
	}
	probe := &Client{URL: url, Token: c.Token, http: c.http}
	if probe.call(ctx, http.MethodGet, "health", nil, &health) != nil || health.PID != c.process.PID {
		return false
	}
	c.URL, c.process.URL = url, url
	return true
}

// call asks a page of the simulator beside its API.
func (c *Client) call(ctx context.Context, method, page string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "the request to the simulated cloud cannot be encoded")
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/v1")+"/_simulator/"+page, body)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the request to the simulated cloud cannot be made")
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the simulated cloud does not answer")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "the simulated cloud answered %d to %s", answer.StatusCode, page)
	}
	err = json.NewDecoder(answer.Body).Decode(out)
	return fault.Wrap(err, fault.Unavailable, "the simulated cloud's answer cannot be read")
}

// Requests gives the request log after a seq, oldest first; 0 is all of it.
func (c *Client) Requests(ctx context.Context, after int64) ([]Request, error) {
	var out struct {
		Requests []Request `json:"requests"`
	}
	err := c.call(ctx, http.MethodGet, "requests?after="+strconv.FormatInt(after, 10), nil, &out)
	return out.Requests, err
}

// Sovereigns gives the simulated Sovereigns as the cloud's process lists them.
func (c *Client) Sovereigns(ctx context.Context) (json.RawMessage, error) {
	var out struct {
		Sovereigns json.RawMessage `json:"sovereigns"`
	}
	err := c.call(ctx, http.MethodGet, "sovereigns", nil, &out)
	return out.Sovereigns, err
}

// SetFaults replaces what goes wrong on purpose.
func (c *Client) SetFaults(ctx context.Context, f Faults) error {
	return c.call(ctx, http.MethodPost, "faults", f, &Faults{})
}

// Stop asks the cloud to end and waits until it has; a cloud that does not end
// is killed when ctx does. What it holds is kept. Stopping twice does nothing.
func (c *Client) Stop(ctx context.Context) error {
	if !alive(c.process) {
		return nil
	}
	if err := syscall.Kill(c.process.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fault.Wrap(err, fault.Unavailable, "the simulated cloud cannot be stopped")
	}
	for alive(c.process) {
		select {
		case <-ctx.Done():
			if err := syscall.Kill(c.process.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fault.Wrap(err, fault.Unavailable, "the simulated cloud cannot be stopped")
			}
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
