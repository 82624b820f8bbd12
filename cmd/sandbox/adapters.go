package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/skill"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/mcp/concierge"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
)

// agentTools is the agent's toolbox: an MCP client with its caller.
type agentTools struct {
	client *mcp.Client
	caller mcp.Caller
}

func (t agentTools) List(ctx context.Context) ([]conversation.Tool, error) {
	list, err := t.client.List(ctx, t.caller)
	if err != nil {
		return nil, err
	}
	out := make([]conversation.Tool, 0, len(list))
	for _, d := range list {
		out = append(out, conversation.Tool{Name: d.Name, Description: d.Description, InputSchema: d.InputSchema})
	}
	return out, nil
}

func (t agentTools) Call(ctx context.Context, call conversation.ToolCall) (conversation.ToolResult, error) {
	r, err := t.client.Call(ctx, t.caller, call.Name, call.Arguments)
	return conversation.ToolResult{CallID: call.ID, Name: call.Name, Text: r.Text, Structured: r.Structured, IsError: r.IsError}, err
}

// stage shows the provisioner's and the tools' cards. It reaches the service
// late, since conversations are made after the provisioner.
type stage struct{ s *service }

func (st stage) Show(ctx context.Context, conversationID string, cards ...card.Card) error {
	return st.s.conversations.Show(ctx, conversationID, cards...)
}

func (st stage) Link(ctx context.Context, conversationID, deploymentID string) error {
	return st.s.conversations.Link(ctx, conversationID, deploymentID)
}

// consent takes a person's decisions to the provisioner.
type consent struct{ s *service }

func (c consent) Pending(ctx context.Context, conversationID string) ([]conversation.Pending, error) {
	list, err := c.s.provisioner.PendingApprovals(ctx, conversationID)
	if err != nil {
		return nil, err
	}
	var out []conversation.Pending
	for _, d := range list {
		if d.Approval == nil || d.Plan == nil {
			continue
		}
		out = append(out, conversation.Pending{
			CardID: d.Approval.CardID, DeploymentID: d.ID, ExpiresAt: d.Approval.ExpiresAt,
			Destructive: d.Plan.Destroy+d.Plan.Replace > 0,
		})
	}
	return out, nil
}

func (c consent) Approve(ctx context.Context, act conversation.ConsentAct) error {
	d, err := c.s.provisioner.Approve(ctx, provisioner.Approve{
		CardID: act.CardID, Value: act.Value, Actor: act.Actor, Means: means(act), Words: act.Words,
	})
	c.s.record(ctx, act.Actor, identity.Approve, d.ID, "approved by "+means(act), err)
	return err
}

func (c consent) Decline(ctx context.Context, act conversation.ConsentAct) error {
	err := c.s.provisioner.Decline(ctx, act.Actor, act.CardID)
	c.s.record(ctx, act.Actor, identity.Approve, act.CardID, "declined", err)
	return err
}

// record writes down what was done in a conversation, where no request of the API
// says it. What was done stays done where that fails, which the log says.
func (s *service) record(ctx context.Context, who journal.Actor, operation, target, detail string, err error) {
	e := audit.Entry{
		Operation: operation, Subject: who.Subject, Email: who.Email, Kind: who.Kind, OrgID: who.OrgID, Via: who.Via,
		Target: target, Detail: detail, Result: audit.Done,
	}
	if err != nil {
		e.Result = string(fault.CodeOf(err))
	}
	if failed := s.audit.Record(context.WithoutCancel(ctx), e); failed != nil {
		s.logger.Error("the audit log could not be written", slog.String("operation", operation), slog.String("error", failed.Error()))
	}
}

// auditedVault writes down each use of a secret, before it is given out: what for,
// and never what it is.
type auditedVault struct {
	*vault.Vault
	s *service
}

func (v auditedVault) Reveal(ctx context.Context, owner, purpose string) ([]byte, error) {
	value, err := v.Vault.Reveal(ctx, owner, purpose)
	if err != nil {
		return nil, err
	}
	org := ""
	if events, err := v.s.journal.Load(ctx, "conversation."+owner); err == nil && len(events) > 0 {
		org = events[0].TenantID
	}
	e := audit.Entry{Operation: "catalyst.secrets.use", Kind: journal.System, OrgID: org, Target: owner, Detail: purpose, Result: audit.Done}
	if err := v.s.audit.Record(ctx, e); err != nil {
		return nil, err
	}
	return value, nil
}

// Retry waits for the new plan, but not longer than a decision may take: the
// plan comes into the conversation by itself.
func (c consent) Retry(ctx context.Context, act conversation.ConsentAct) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	d, err := c.s.provisioner.Retry(ctx, provisioner.Retry{CardID: act.CardID, Actor: act.Actor})
	return d.ID, err
}

// minter signs handover tokens with this instance's key.
type minter struct{ id *identity.Identity }

func (m minter) PublicJWK() string { return m.id.PublicJWK() }

func (m minter) MintHandover(ctx context.Context, h provisioner.Handover) (string, error) {
	return m.id.MintHandover(ctx, identity.Handover{FQDN: h.FQDN, DeploymentID: h.DeploymentID, Email: h.Email, Subject: h.Subject, ReturnPath: h.ReturnPath, TrustedKey: h.TrustedKey})
}

// skills are the industry packs as the toolbox shows them.
type skills struct{ packs *skill.Packs }

func (s skills) List() []concierge.Skill {
	var out []concierge.Skill
	for _, p := range s.packs.List() {
		out = append(out, concierge.Skill{Name: p.Name, Title: p.Title, Industries: p.Industries})
	}
	return out
}

func (s skills) Get(name string) (concierge.Skill, error) {
	p, err := s.packs.Get(name)
	if err != nil {
		return concierge.Skill{}, fault.From(err)
	}
	return concierge.Skill{Name: p.Name, Title: p.Title, Industries: p.Industries, Text: p.Text, Facts: p}, nil
}

// watcher reads and watches new clusters.
type watcher struct{ w *bootstrap.Watcher }

func (w watcher) Parse(raw []byte, allowedHosts []string) error {
	_, err := bootstrap.ParseKubeconfig(raw, allowedHosts)
	return err
}

func (w watcher) Watch(ctx context.Context, raw []byte, allowedHosts []string, fn func(provisioner.Release) error) error {
	kc, err := bootstrap.ParseKubeconfig(raw, allowedHosts)
	if err != nil {
		return err
	}
	return w.w.Watch(ctx, kc, func(r bootstrap.ReleaseState) error {
		return fn(provisioner.Release{Name: r.Name, State: r.State, Message: r.Message, DependsOn: r.DependsOn})
	})
}

// means says how a person consented: words in a call are a voice.
func means(act conversation.ConsentAct) string {
	if act.Means == "words" && act.Actor.Via == "call" {
		return "voice"
	}
	return act.Means
}
