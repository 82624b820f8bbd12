package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/openova-io/sandbox/conversation/fault"
)

// getJSON reads an answer of the service.
func getJSON(ctx context.Context, c *http.Client, path string, into any) error {
	return call(ctx, c, http.MethodGet, path, nil, into)
}

// call sends a request to the service and reads its answer. A problem comes back
// as the fault that it was.
func call(ctx context.Context, c *http.Client, method, path string, body, into any) error {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, r)
	if err != nil {
		return err
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return problemFault(res)
	}
	if into == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service's answer cannot be read")
	}
	return nil
}

// problemFault reads a problem as the fault that it was made from.
func problemFault(res *http.Response) error {
	var p struct {
		Title      string            `json:"title"`
		Detail     string            `json:"detail"`
		Code       fault.Code        `json:"code"`
		Path       string            `json:"path"`
		Violations []fault.Violation `json:"violations"`
	}
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if json.Unmarshal(raw, &p) != nil || p.Code == "" {
		return fault.New(fault.Unavailable, "the service answered %s", res.Status)
	}
	return &fault.Error{Code: p.Code, Message: p.Title, Hint: p.Detail, Path: p.Path, Violations: p.Violations}
}

// serviceArgs are the arguments of a service that a client starts.
func serviceArgs(c *config) []string {
	args := []string{"serve", "--idle-exit", backgroundIdle.String()}
	for _, o := range options() {
		if !o.on("serve") || o.name == "idle-exit" || o.name == "config" {
			continue
		}
		var v string
		switch p := o.bind(c).(type) {
		case *string:
			v = *p
		default:
			v = deref(p)
		}
		if v != o.def {
			args = append(args, "--"+o.name+"="+v)
		}
	}
	return append(args, "--data-dir="+c.DataDir)
}

func deref(p any) string {
	switch p := p.(type) {
	case *float64:
		return fmt.Sprint(*p)
	case *bool:
		return fmt.Sprint(*p)
	case interface{ String() string }:
		return p.String()
	}
	return ""
}
