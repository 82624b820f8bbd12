package concierge

import (
	"context"
	"net/url"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type planOutput struct {
	DeploymentID  string             `json:"deploymentId"`
	DraftID       string             `json:"draftId"`
	Digest        string             `json:"digest"`
	Status        provisioner.Status `json:"status"`
	SovereignFQDN string             `json:"sovereignFQDN"`
	Add           int                `json:"add"`
	Change        int                `json:"change"`
	Destroy       int                `json:"destroy"`
	Replace       int                `json:"replace"`
	Cost          provisioner.Cost   `json:"cost"`
	// ApprovalObject is what the approval's button says, without the price.
	ApprovalObject string `json:"approvalObject,omitempty"`
	// Link is where the person sees the plan and approves it, until ExpiresAt.
	Link      string     `json:"link"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// Next says what to do now.
	Next string `json:"next"`
}

// planBeat is how often a client hears that its plan is still being made.
const planBeat = 5 * time.Second

func (t *tools) plans(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.plan.create", Title: "Draw up the plan", Idempotent: true,
		Description: "Plan the draft with OpenTofu and show the person the plan, its cost and the approval. Creates nothing. Refused, with everything that is missing or wrong, until the draft is complete. Takes seconds, or minutes while OpenTofu is still being built. Give the person the link: only they can approve, there, signed in. Again on an unchanged draft gives the same plan.",
	}, func(ctx context.Context, caller mcp.Caller, in draftInput) (planOutput, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return planOutput{}, err
		}
		waiting := func() string {
			if t.Waiting == nil {
				return ""
			}
			return t.Waiting()
		}
		if why := waiting(); why != "" {
			if err := t.Stage.Show(ctx, id, card.New("waiting-"+id, card.KindNotice, "One moment", why, card.NoticeData{Level: "info"})); err != nil {
				return planOutput{}, err
			}
		}
		stop := mcp.Alive(ctx, planBeat, func() string {
			if why := waiting(); why != "" {
				return why
			}
			return "OpenTofu is making the plan."
		})
		d, err := t.Provisioner.Plan(ctx, caller.Actor, id)
		stop()
		if err != nil {
			return planOutput{}, err
		}
		out := planOutput{
			DeploymentID: d.ID, DraftID: id, Status: d.Status, SovereignFQDN: d.Spec.SovereignFQDN,
			ApprovalObject: d.ApprovalObject(), Link: t.link(id), Next: t.next(d),
		}
		if p := d.Plan; p != nil {
			out.Digest, out.Add, out.Change, out.Destroy, out.Replace, out.Cost = p.Digest, p.Add, p.Change, p.Destroy, p.Replace, p.Cost
		}
		if a := d.Approval; a != nil {
			out.ExpiresAt = &a.ExpiresAt
		}
		return out, nil
	})
}

// link is where the person sees a conversation.
func (t *tools) link(conversationID string) string {
	if conversationID == "" {
		return ""
	}
	return t.PublicURL + "/start?c=" + url.QueryEscape(conversationID)
}
