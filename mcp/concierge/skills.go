package concierge

import (
	"context"

	"github.com/openova-io/sandbox/mcp"
)

type skillInput struct {
	Name string `json:"name" jsonschema:"the pack's name, from skills.list"`
}

func (t *tools) skills(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "skills.list", Title: "List industry packs", ReadOnly: true, Idempotent: true,
		Description: "Packs of knowledge about industries: which apps fit and why, what to ask, which rules people there name.",
	}, func(context.Context, mcp.Caller, nothing) (itemsOutput, error) {
		return itemsOutput{t.Skills.List()}, nil
	})
	mcp.Register(r, mcp.Tool{
		Name: "skills.get", Title: "Read an industry pack", ReadOnly: true, Idempotent: true,
		Description: "One pack, whole.",
	}, func(_ context.Context, _ mcp.Caller, in skillInput) (Skill, error) {
		return t.Skills.Get(in.Name)
	})
}
