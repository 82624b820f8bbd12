package concierge

import (
	"context"
	"net/url"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

type planOutput struct {
	DeploymentID  string             `json:"deploymentId"`
	Digest        string             `json:"digest"`
	Status        provisioner.Status `json:"status"`
	SovereignFQDN string             `json:"sovereignFQDN"`
	Add           int                `json:"add"`
	Change        int                `json:"change"`
	Destroy       int                `json:"destroy"`
	Replace       int                `json:"replace"`
	Cost          provisioner.Cost   `json:"cost"`
	// Link is where the person sees the plan and approves it.
	Link string `json:"link"`
}

func (t *tools) plans(r *mcp.Registry) {
	mcp.Register(r, mcp.Tool{
		Name: "catalyst.plan.create", Title: "Draw up the plan", Idempotent: true,
		Description: "Plan the draft with OpenTofu and show the person the plan, its cost and the approval. Nothing is created. Takes seconds, or minutes while OpenTofu is being built. Only the person can approve, with the button or at the link.",
	}, func(ctx context.Context, caller mcp.Caller, in draftInput) (planOutput, error) {
		id, err := t.draft(ctx, caller, in.DraftID)
		if err != nil {
			return planOutput{}, err
		}
		if t.Waiting != nil {
			if why := t.Waiting(); why != "" {
				if err := t.Stage.Show(ctx, id, card.New("waiting-"+id, card.KindNotice, "One moment", why, card.NoticeData{Level: "info"})); err != nil {
					return planOutput{}, err
				}
			}
		}
		d, err := t.Provisioner.Plan(ctx, caller.Actor, id)
		if err != nil {
			return planOutput{}, err
		}
		out := planOutput{
			DeploymentID: d.ID, Status: d.Status, SovereignFQDN: d.Spec.SovereignFQDN,
			Link: t.PublicURL + "/start?c=" + url.QueryEscape(id),
		}
		if p := d.Plan; p != nil {
			out.Digest, out.Add, out.Change, out.Destroy, out.Replace, out.Cost = p.Digest, p.Add, p.Change, p.Destroy, p.Replace, p.Cost
		}
		return out, nil
	})
}
