package concierge

import (
	"context"

	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type draftInput struct {
	DraftID string `json:"draftId,omitempty" limit:"max=64" jsonschema:"id of a draft; leave out for this session's own"`
}

type setInput struct {
	DraftID string   `json:"draftId,omitempty" limit:"max=64" jsonschema:"id of a draft; leave out for this session's own; new begins another one, whose id is in the answer"`
	Changes []change `json:"changes" limit:"min=1,max=50" jsonschema:"all are made, or none when one breaks a rule"`
	Preview bool     `json:"preview,omitempty" jsonschema:"true gives the draft with its sizing and price as it would become, and changes nothing: for questions such as what would it cost with"`
}

type change struct {
	Field  string    `json:"field" limit:"min=1,max=80" jsonschema:"what is set. Text: orgName; orgEmail (who will own it); orgIndustry (slug, e.g. healthcare); orgHeadquarters (e.g. Muscat, Oman); sovereignDomainMode (pool = free subdomain, byo-manual = own domain); sovereignSubdomain (e.g. acme); sovereignPoolDomain; sovereignFQDN (own domain, e.g. cloud.acme.com); regions[0].cloudRegion (e.g. fsn1); regions[0].controlPlaneSize and regions[0].workerSize (e.g. cpx32). Number: orgSize (people); regions[0].workerCount (servers, 0-50). True or false: haEnabled (three control-plane servers instead of one); simulatedAccount (no real cloud account; simulated cloud only). List, which replaces the whole list: apps and components (slugs from marketplace.catalog.list); orgCompliance (e.g. GDPR)"`
	Value  mcp.Value `json:"value" jsonschema:"a text, number, true/false or list of texts, as the field wants; null clears it"`
	Source string    `json:"source,omitempty" limit:"enum=said|accepted|suggested" jsonschema:"said = the person stated it (default); suggested = your proposal, give why; accepted = they agreed to a proposal"`
	Why    string    `json:"why,omitempty" limit:"max=300" jsonschema:"reason of a suggestion, one sentence"`
}

func (t *tools) drafts(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.draft.get", Title: "Read the draft", ReadOnly: true, Idempotent: true,
		Description: "What is known of the Sovereign so far: id, spec (the values), fields (where each came from), missing (what to ask for, most important first; account = the cloud account: card.ask with type secret or, on the simulated cloud if the person agrees, simulatedAccount), violations (broken rules), sizing, and estimate (cost per month without VAT). Changes nothing.",
	}, func(ctx context.Context, caller mcp.Caller, in draftInput) (provisioner.Draft, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return provisioner.Draft{}, err
		}
		return t.Provisioner.Draft(ctx, caller.Actor, id)
	})
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.draft.set", Title: "Change the draft", Idempotent: true,
		Description: "Set or clear fields of the draft; gives the draft as catalyst.draft.get does. Send every fact from one message in one call. One value that breaks a rule refuses the whole call, with what would pass. The service fills in the rest (region, sizes, subdomain) as suggestions with reasons. Withdraws a plan that waits for approval.",
	}, func(ctx context.Context, caller mcp.Caller, in setInput) (provisioner.Draft, error) {
		id, err := t.draftToChange(ctx, caller, in.DraftID)
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

// draftToChange is as draft, and begins a draft where one is wanted.
func (t *tools) draftToChange(ctx context.Context, caller mcp.Caller, named string) (string, error) {
	if named == newDraft && caller.ConversationID == "" {
		return t.Begin(ctx, caller.Actor, "")
	}
	return t.draft(ctx, caller, named)
}
