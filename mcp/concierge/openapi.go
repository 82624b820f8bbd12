package concierge

import (
	"context"
	"encoding/json"
	"sort"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/mcp"
)

type openAPIInput struct {
	Path string `json:"path,omitempty" limit:"max=200" jsonschema:"one path as it is listed, e.g. /api/v1/deployments/{id}; leave out to list the paths"`
}

type openAPIOutput struct {
	Paths       []string        `json:"paths,omitempty"`
	Description json.RawMessage `json:"description,omitempty"`
}

func (t *tools) openAPI(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.openapi", Title: "Read the API's description", ReadOnly: true, Idempotent: true,
		Description: "OpenAPI 3.1 description of the service's HTTP API: the list of paths, or one path whole. For a person who writes a program; you need it for nothing here.",
	}, func(_ context.Context, _ mcp.Caller, in openAPIInput) (openAPIOutput, error) {
		raw, err := t.OpenAPI()
		if err != nil {
			return openAPIOutput{}, err
		}
		var doc struct {
			Paths map[string]json.RawMessage `json:"paths"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			return openAPIOutput{}, fault.Wrap(err, fault.Internal, "the API's description cannot be read")
		}
		if in.Path != "" {
			d, ok := doc.Paths[in.Path]
			if !ok {
				return openAPIOutput{}, fault.New(fault.NotFound, "the API has no path %q", in.Path).At("path").Do("Leave path out to list them.")
			}
			return openAPIOutput{Description: d}, nil
		}
		var out openAPIOutput
		for p := range doc.Paths {
			out.Paths = append(out.Paths, p)
		}
		sort.Strings(out.Paths)
		return out, nil
	})
}
