package concierge

import (
	"context"

	"github.com/openova-io/sandbox/mcp"
)

type skillInput struct {
	Name string `json:"name" limit:"min=1,max=64" jsonschema:"a pack's name from skills.list, e.g. healthcare"`
}

func (t *tools) skills(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "skills.list", Title: "List industry packs", ReadOnly: true, Idempotent: true,
		Description: "Names and titles of the industry packs: which apps fit and why, what to ask, which regulations people there name. Take one with skills.get before you advise an Organization of that industry.",
	}, func(context.Context, mcp.Caller, nothing) (itemsOutput, error) {
		return itemsOutput{t.Skills.List()}, nil
	})
	mcp.Register(r, mcp.Tool{
		Name: "skills.get", Title: "Read an industry pack", ReadOnly: true, Idempotent: true,
		Description: "One industry pack: text for you and the same as facts. It is no legal advice; name a regulation only to ask whether it applies.",
	}, func(_ context.Context, _ mcp.Caller, in skillInput) (Skill, error) {
		return t.Skills.Get(in.Name)
	})
}
