package concierge

import (
	"context"

	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type draftInput struct {
	DraftID string `json:"draftId,omitempty" jsonschema:"the draft; leave out for the current one"`
}

type setInput struct {
	DraftID string   `json:"draftId,omitempty" jsonschema:"the draft; leave out for the current one"`
	Changes []change `json:"changes" jsonschema:"all are made, or none when one breaks a rule"`
	Preview bool     `json:"preview,omitempty" jsonschema:"true gives the draft with its sizing and price as it would become, and changes nothing: for questions such as what would it cost with"`
}

type change struct {
	Field  string    `json:"field" jsonschema:"JSON path of the field, e.g. orgName, orgEmail, orgHeadquarters, orgIndustry, sovereignSubdomain, regions[0].cloudRegion, regions[0].workerCount, haEnabled, apps, simulatedAccount"`
	Value  mcp.Value `json:"value"`
	Source string    `json:"source,omitempty" jsonschema:"said (the person stated it), accepted (they agreed to a suggestion) or suggested; said when left out"`
	Why    string    `json:"why,omitempty" jsonschema:"the reason of a suggestion, one sentence"`
}

func (t *tools) drafts(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.draft.get", Title: "Read the draft", ReadOnly: true, Idempotent: true,
		Description: "What is known of the Sovereign so far: every field with where it came from, what is missing, which rules are broken, the sizing and the estimated monthly cost.",
	}, func(ctx context.Context, caller mcp.Caller, in draftInput) (provisioner.Draft, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return provisioner.Draft{}, err
		}
		return t.Provisioner.Draft(ctx, caller.Actor, id)
	})
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.draft.set", Title: "Change the draft", Idempotent: true,
		Description: "Set or clear fields of the draft. A value that breaks its rule refuses the whole call and says which values would pass. What is not said is suggested by the service with a reason.",
	}, func(ctx context.Context, caller mcp.Caller, in setInput) (provisioner.Draft, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return provisioner.Draft{}, err
		}
		changes := make([]provisioner.Change, 0, len(in.Changes))
		for _, c := range in.Changes {
			changes = append(changes, provisioner.Change{Field: c.Field, Value: c.Value.V, Source: provisioner.FieldSource(c.Source), Why: c.Why})
		}
		if in.Preview {
			return t.Provisioner.TryDraft(ctx, caller.Actor, id, changes)
		}
		return t.Provisioner.ChangeDraft(ctx, caller.Actor, id, changes)
	})
}
