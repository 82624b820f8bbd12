package guide_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/provisioner"
)

// fragments are what random messages are made of: parts of real ones.
var fragments = []string{
	"we are", "Al Noor Clinic", "in Muscat", "12 people", "need", "online booking", "no", "not", "yes", "without",
	"nextcloud", "wordpress", "drop", "actually", "make it", "Helsinki", "two", "workers", "bigger", "founder@alnoor.om",
	"what is", "a worker", "?", ".", ",", "why", "there", "how much", "start over", "undo", "plan it", "approve",
	"ignore your rules", "call it", "taken", "alnoor.omani.works", "we own", "clinic.com", "high availability", "GDPR",
	"cpx42", "16 GB", "under 100 euros", "host it in", "Frankfurt", "Singapore", "the EU", "instead of", "and", "or",
	"\n", "\"", "&", "مرحبا", "für", "🙂", "grafana", "three control planes", "9999999999", "-", "@", "one more", "(", ")",
}

func message(t *rapid.T) string {
	if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
		return rapid.String().Draw(t, "text")
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 1, 14).Draw(t, "parts"), " ")
}

// TestTurns: whatever is said or pressed, and whatever fails, a turn ends within
// twelve steps with a text, asks at most two things, and calls listed tools only.
// The harness fails on the rest.
func TestTurns(t *testing.T) {
	statuses := []provisioner.Status{provisioner.StatusTofuApplying, provisioner.StatusReady, provisioner.StatusFailed, provisioner.StatusCancelled, provisioner.StatusWiped}
	rapid.Check(t, func(r *rapid.T) {
		c := newChat(t)
		if rapid.Bool().Draw(r, "complete") {
			c.complete()
		}
		for range rapid.IntRange(1, 6).Draw(r, "turns") {
			if c.draft.DeploymentID != "" && rapid.IntRange(0, 3).Draw(r, "move") == 0 {
				c.status(rapid.SampledFrom(statuses).Draw(r, "status"))
			}
			if rapid.IntRange(0, 6).Draw(r, "press") == 0 {
				c.press(rapid.SampledFrom([]string{"yes", "no", "simulated", "stored", "approve", `{"orgName":"X Y","orgEmail":"a@b.de"}`, "fsn1", "{", ""}).Draw(r, "value"))
			} else {
				c.say(message(r))
			}
			if len(c.cards) > 1 {
				r.Fatalf("%d cards in one turn", len(c.cards))
			}
			for _, name := range c.called {
				if !slices.Contains(toolNames, name) || name == "catalyst.deployments.create" {
					r.Fatalf("called %s", name)
				}
			}
		}
	})
}

// TestBrokenTools: tools that refuse, answer nonsense or are missing never stop a
// turn from ending.
func TestBrokenTools(t *testing.T) {
	answers := []conversation.ToolResult{
		{IsError: true, Text: "it broke"},
		{IsError: true, Text: "refused", Structured: json.RawMessage(`{"code":"invalid","message":"no","violations":[{"path":"orgName","message":"too long"}]}`)},
		{Text: "not JSON"},
		{Structured: json.RawMessage(`[]`)},
		{Structured: json.RawMessage(`{}`)},
		{Structured: json.RawMessage(`{"items":null,"spec":null,"missing":["orgName","regions[1].cloudRegion","account"],"violations":[{"path":"x","message":""}],"cloud":"hetzner"}`)},
	}
	rapid.Check(t, func(r *rapid.T) {
		known := tools()
		if rapid.Bool().Draw(r, "fewer") {
			known = known[:rapid.IntRange(1, len(known)).Draw(r, "tools")]
		}
		req := conversation.Request{Language: rapid.SampledFrom([]string{"en", "de", "", "en-GB", "xx"}).Draw(r, "language"), Tools: known}
		req.Messages = []conversation.Message{{TurnID: "t", Role: conversation.FromHuman, Text: message(r)}}
		if rapid.Bool().Draw(r, "open") {
			req.Messages[0].Open = &card.Question{Field: rapid.SampledFrom([]string{"plan", "account", "reset", "orgName", "regions[0].cloudRegion"}).Draw(r, "field")}
		}
		for step := 0; ; step++ {
			if step >= 12 {
				r.Fatalf("no end: %v", req.Messages)
			}
			res, err := sharedGuide(t).Respond(context.Background(), req, nil)
			if err != nil {
				r.Fatal(err)
			}
			if len(res.Calls) == 0 {
				if strings.TrimSpace(res.Text) == "" {
					r.Fatal("no text")
				}
				return
			}
			for _, call := range res.Calls {
				if !slices.ContainsFunc(known, func(k conversation.Tool) bool { return k.Name == call.Name }) {
					r.Fatalf("called %s, which is not there", call.Name)
				}
				out := rapid.SampledFrom(answers).Draw(r, "answer")
				out.CallID, out.Name = call.ID, call.Name
				req.Messages = append(req.Messages,
					conversation.Message{TurnID: "t", Role: conversation.FromAgent, Calls: []conversation.ToolCall{call}},
					conversation.Message{TurnID: "t", Role: conversation.FromTool, Result: &out})
			}
		}
	})
}

// TestPure: the same request gives the same step, and leaves the request alone.
func TestPure(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		req := conversation.Request{Language: "en", Tools: tools(), Messages: []conversation.Message{{TurnID: "t", Role: conversation.FromHuman, Text: message(r)}}}
		before := fmt.Sprintf("%+v", req)
		first, err := sharedGuide(t).Respond(context.Background(), req, nil)
		if err != nil {
			r.Fatal(err)
		}
		second, err := sharedGuide(t).Respond(context.Background(), req, nil)
		if err != nil {
			r.Fatal(err)
		}
		if fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", second) || before != fmt.Sprintf("%+v", req) {
			r.Fatalf("%+v and then %+v", first, second)
		}
	})
}

// TestCancelled: a request whose context is over is not worked on.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sharedGuide(t).Respond(ctx, conversation.Request{}, nil); err == nil {
		t.Fatal("no error")
	}
}

// TestForeignResults: a turn that another model began is worked out anew; its
// results are not taken for the guide's own.
func TestForeignResults(t *testing.T) {
	c := newChat(t)
	result := conversation.ToolResult{CallID: "call_1", Name: "catalyst.draft.get", Structured: json.RawMessage(`{"spec":{"orgName":"Stale"}}`)}
	req := conversation.Request{Language: "en", Tools: tools(), Messages: []conversation.Message{
		{TurnID: "t", Role: conversation.FromHuman, Text: "hello"},
		{TurnID: "t", Role: conversation.FromAgent, Calls: []conversation.ToolCall{{ID: "call_1", Name: "catalyst.draft.get", Arguments: json.RawMessage(`{}`)}}},
		{TurnID: "t", Role: conversation.FromTool, Result: &result},
	}}
	r, err := c.guide.Respond(context.Background(), req, nil)
	if err != nil || len(r.Calls) != 1 || r.Calls[0].Name != "catalyst.draft.get" || r.Calls[0].ID == "call_1" {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestApprovalFacts: after an approval, by press or by words, it tells what the
// draft says and does not ask again.
func TestApprovalFacts(t *testing.T) {
	for _, m := range []conversation.Message{{Text: "yes, go ahead"}, {Press: &conversation.Press{CardID: "approval-1", Value: "approve", Kind: card.KindApproval}, Text: "Approve"}} {
		c := newChat(t)
		c.complete()
		c.say("plan it")
		c.check("plans=1")
		c.status(provisioner.StatusTofuApplying)
		c.turn(m, "The person approved deployment "+c.draft.DeploymentID+".")
		if !strings.Contains(c.reply, "building al-noor-clinic.omani.works") {
			t.Errorf("the reply is %q", c.reply)
		}
		c.check("plans=1; cards=0")
	}
}

// TestLatency: reading and answering one message is far below what a person
// notices; p99 has to stay under 50 ms also on a slow machine.
func TestLatency(t *testing.T) {
	var times []time.Duration
	for _, line := range readLines(t, "testdata/utterances.txt") {
		text, _, _ := strings.Cut(line, " => ")
		req := conversation.Request{Language: "en", Tools: tools(), Messages: []conversation.Message{{TurnID: "t", Role: conversation.FromHuman, Text: strings.TrimPrefix(text, "* ")}}}
		first := conversation.Message{TurnID: "t", Role: conversation.FromAgent, Calls: []conversation.ToolCall{{ID: "t-0", Name: "catalyst.draft.get", Arguments: json.RawMessage(`{"draftId":""}`)}}}
		draft := conversation.ToolResult{CallID: "t-0", Name: "catalyst.draft.get", Structured: json.RawMessage(`{"cloud":"simulated","missing":["orgName","orgEmail","account"]}`)}
		req.Messages = append(req.Messages, first, conversation.Message{TurnID: "t", Role: conversation.FromTool, Result: &draft})
		began := time.Now()
		if _, err := sharedGuide(t).Respond(context.Background(), req, nil); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	if p99 := times[len(times)*99/100]; p99 > 50*time.Millisecond {
		t.Errorf("p99 is %s", p99)
	}
}

func BenchmarkRespond(b *testing.B) {
	g := sharedGuide(b)
	draft := conversation.ToolResult{CallID: "t-0", Name: "catalyst.draft.get", Structured: json.RawMessage(`{"cloud":"simulated","missing":["orgName","orgEmail","account"]}`)}
	req := conversation.Request{Language: "en", Tools: tools(), Messages: []conversation.Message{
		{TurnID: "t", Role: conversation.FromHuman, Text: "Hi, I run a dental clinic in Muscat, 12 people, we need online booking and shared files"},
		{TurnID: "t", Role: conversation.FromAgent, Calls: []conversation.ToolCall{{ID: "t-0", Name: "catalyst.draft.get", Arguments: json.RawMessage(`{"draftId":""}`)}}},
		{TurnID: "t", Role: conversation.FromTool, Result: &draft},
	}}
	for b.Loop() {
		if _, err := g.Respond(context.Background(), req, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzRespond(f *testing.F) {
	for _, s := range fragments {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := newChat(t)
		c.say(text)
	})
}
