package guide_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/model/guide"
	"github.com/openova-io/sandbox/provisioner"
)

// chat is a conversation with the guide against an in-memory toolbox: the real
// catalogue and the real draft logic, and plans that are never applied.
type chat struct {
	t         testing.TB
	guide     *guide.Guide
	catalogue *provisioner.Catalogue
	draft     provisioner.Draft
	taken     map[string]bool
	messages  []conversation.Message
	open      *card.Question
	cards     []askedCard // of the newest turn
	plans     int
	called    []string // tools of the newest turn
	turns     int
	reply     string
	now       time.Time
	deploy    provisioner.Deployment
}

type askedCard struct {
	Title     string          `json:"title"`
	Questions []card.Question `json:"questions"`
}

var toolNames = []string{
	"catalyst.draft.get", "catalyst.draft.set", "catalyst.plan.create", "catalyst.deployments.create",
	"catalyst.deployments.get", "catalyst.deployments.events", "catalyst.subdomains.check", "catalyst.openapi",
	"marketplace.catalog.list", "marketplace.region.list", "marketplace.sku.list", "skills.list", "skills.get", "card.ask",
}

func newChat(t testing.TB) *chat { return newChatIn(t, provisioner.Simulated) }

func newChatIn(t testing.TB, cloud provisioner.Cloud) *chat {
	t.Helper()
	catalogue, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	c := &chat{t: t, guide: sharedGuide(t), catalogue: catalogue, taken: map[string]bool{"taken": true}, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	c.draft, err = catalogue.ApplyChanges(provisioner.NewDraft("c1", cloud), nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// say runs a turn with a text; press with a press on the newest card.
func (c *chat) say(text string) string { return c.turn(conversation.Message{Text: text}) }

func (c *chat) press(value string) string {
	return c.turn(conversation.Message{Press: &conversation.Press{CardID: "card-1", Value: value}, Text: value})
}

// system adds a fact from the service to a human act, as an approval does.
func (c *chat) turn(m conversation.Message, facts ...string) string {
	c.t.Helper()
	c.turns++
	m.TurnID, m.Role, m.Open = fmt.Sprintf("t%d", c.turns), conversation.FromHuman, c.open
	c.messages = append(c.messages, m)
	for _, f := range facts {
		c.messages = append(c.messages, conversation.Message{TurnID: m.TurnID, Role: conversation.FromSystem, Text: f})
	}
	c.cards, c.called, c.reply = nil, nil, ""
	for step := 0; ; step++ {
		if step >= 12 {
			c.t.Fatalf("the turn %q did not end within 12 steps: %v", m.Text, c.called)
		}
		var streamed strings.Builder
		r, err := c.guide.Respond(context.Background(), conversation.Request{Language: "en", Messages: c.messages, Tools: tools()}, func(s string) { streamed.WriteString(s) })
		if err != nil {
			c.t.Fatalf("the turn %q failed: %v", m.Text, err)
		}
		if streamed.String() != r.Text {
			c.t.Fatalf("the pieces %q are not the text %q", streamed.String(), r.Text)
		}
		c.messages = append(c.messages, conversation.Message{TurnID: m.TurnID, Role: conversation.FromAgent, Text: r.Text, Calls: r.Calls})
		if len(r.Calls) == 0 {
			if strings.TrimSpace(r.Text) == "" {
				c.t.Fatalf("the turn %q ended without a text", m.Text)
			}
			c.reply = r.Text
			if n := strings.Count(quoted.ReplaceAllString(r.Text, ""), "?"); n > 2 {
				c.t.Fatalf("after %q it asks %d things:\n%s", m.Text, n, r.Text)
			}
			return r.Text
		}
		for _, call := range r.Calls {
			result := c.call(call)
			c.messages = append(c.messages, conversation.Message{TurnID: m.TurnID, Role: conversation.FromTool, Text: result.Text, Result: &result})
		}
	}
}

func tools() []conversation.Tool {
	var out []conversation.Tool
	for _, n := range toolNames {
		out = append(out, conversation.Tool{Name: n})
	}
	return out
}

func (c *chat) call(call conversation.ToolCall) conversation.ToolResult {
	c.called = append(c.called, call.Name)
	v, err := c.do(call)
	result := conversation.ToolResult{CallID: call.ID, Name: call.Name}
	if err != nil {
		f := fault.From(err)
		result.IsError, result.Text = true, f.Text()
		result.Structured, _ = json.Marshal(f)
		return result
	}
	raw, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	result.Structured, result.Text = raw, string(raw)
	return result
}

func (c *chat) do(call conversation.ToolCall) (any, error) {
	var in struct {
		Changes   []provisioner.Change
		Near      string
		Residency string
		Kind      string
		Region    string
		Subdomain string
		Preview   bool
		askedCard
	}
	if err := json.Unmarshal(call.Arguments, &in); err != nil {
		c.t.Fatalf("%s got arguments that are no JSON: %s", call.Name, call.Arguments)
	}
	switch call.Name {
	case "catalyst.draft.get":
		return c.draft, nil
	case "catalyst.draft.set":
		next, err := c.catalogue.ApplyChanges(c.draft, in.Changes, c.now)
		if err != nil || in.Preview {
			return next, err
		}
		if c.draft.ApprovalState == "pending" {
			next.ApprovalState = "superseded"
		}
		c.draft = next
		return next, nil
	case "catalyst.plan.create":
		return c.plan()
	case "catalyst.deployments.get":
		return c.deploy, nil
	case "catalyst.subdomains.check":
		if c.taken[in.Subdomain] {
			return map[string]any{"available": false, "reason": "exists", "fqdn": in.Subdomain + ".omani.works", "suggestions": []string{in.Subdomain + "-2"}}, nil
		}
		return map[string]any{"available": true, "fqdn": in.Subdomain + ".omani.works"}, nil
	case "marketplace.catalog.list":
		return c.catalog(in.Kind)
	case "marketplace.region.list":
		out := map[string]any{"items": c.catalogue.RankRegions(in.Near, in.Residency)}
		if p, ok := c.catalogue.FindPlace(in.Near); ok && in.Near != "" {
			out["place"] = map[string]string{"name": p.Name, "country": p.Country}
		}
		return out, nil
	case "marketplace.sku.list":
		return map[string]any{"items": c.catalogue.Sizes(in.Region)}, nil
	case "card.ask":
		if n := len(in.Questions); n == 0 || n > 2 {
			c.t.Fatalf("a card asks %d questions", n)
		}
		for _, q := range in.Questions {
			if q.Type != card.AskChoice && (q.Field == "orgName" && c.draft.Spec.OrgName != "" || q.Field == "orgEmail" && c.draft.Spec.OrgEmail != "" || q.Field == "orgHeadquarters" && c.draft.Spec.OrgHeadquarters != "") {
				c.t.Fatalf("it asks for %s, which is known", q.Field)
			}
		}
		c.cards = append(c.cards, in.askedCard)
		q := in.Questions[0]
		c.open = &q
		return map[string]string{"cardId": "card-1"}, nil
	}
	c.t.Fatalf("the guide called %s", call.Name)
	return nil, nil
}

func (c *chat) catalog(kind string) (any, error) {
	var items any
	switch kind {
	case "apps":
		items = c.catalogue.Apps()
	case "industries":
		items = c.catalogue.Industries()
	case "components":
		items = c.catalogue.Components()
	default:
		return nil, fault.New(fault.Invalid, "there is no list %q", kind)
	}
	return map[string]any{"items": items}, nil
}

// plan stands for the real one: refused while something is missing.
func (c *chat) plan() (any, error) {
	if len(c.draft.Missing) > 0 || len(c.draft.Violations) > 0 {
		return nil, fault.Violated("the draft", append([]fault.Violation{{Path: "draft", Message: fmt.Sprint("missing ", c.draft.Missing)}}, c.draft.Violations...))
	}
	c.plans++
	c.draft.DeploymentID, c.draft.DeploymentStatus, c.draft.ApprovalState = fmt.Sprintf("%016x", c.plans), provisioner.StatusAwaitingApproval, "pending"
	c.draft.ApprovalObject = "Create " + c.draft.Spec.SovereignFQDN
	c.open = &card.Question{ID: "approve", Field: "approval", Type: card.AskConsent}
	c.deploy = provisioner.Deployment{ID: c.draft.DeploymentID, Spec: c.draft.Spec, Status: provisioner.StatusAwaitingApproval}
	return map[string]any{"deploymentId": c.draft.DeploymentID, "status": "awaiting-approval", "add": 14, "sovereignFQDN": c.draft.Spec.SovereignFQDN, "approvalObject": c.draft.ApprovalObject, "cost": c.draft.Estimate}, nil
}

// quoted is what a reply quotes: the person's own words, and examples.
var quoted = regexp.MustCompile("“[^”]*”|\"[^\"]*\"")

// status moves the deployment on.
func (c *chat) status(s provisioner.Status) {
	c.draft.DeploymentStatus, c.deploy.Status = s, s
	c.draft.ApprovalState = "approved"
}

var loaded *guide.Guide

// sharedGuide loads the data once; a Guide never changes.
func sharedGuide(t testing.TB) *guide.Guide {
	t.Helper()
	if loaded == nil {
		g, err := guide.New()
		if err != nil {
			t.Fatal(err)
		}
		loaded = g
	}
	return loaded
}
