package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// plainSealer leaves the journal readable, so that tests can look for what must
// not be in it.
type plainSealer struct{}

func (plainSealer) Seal(_ context.Context, _ string, plain []byte) ([]byte, error) {
	return slices.Clone(plain), nil
}

func (plainSealer) Unseal(_ context.Context, _ string, sealed []byte) ([]byte, error) {
	return slices.Clone(sealed), nil
}

// step is what a scripted model does when it is asked.
type step func(ctx context.Context, req conversation.Request, say func(string)) (conversation.Response, error)

// script is a model that follows a script, one step per question; at its end it
// goes on with the last step.
type script struct {
	name string

	mu    sync.Mutex
	steps []step
	seen  []conversation.Request
}

func (m *script) Name() string { return m.name }

func (m *script) Respond(ctx context.Context, req conversation.Request, say func(string)) (conversation.Response, error) {
	m.mu.Lock()
	m.seen = append(m.seen, req)
	s := m.steps[0]
	if len(m.steps) > 1 {
		m.steps = m.steps[1:]
	}
	m.mu.Unlock()
	return s(ctx, req, say)
}

// last gives the newest request that the model got.
func (m *script) last() conversation.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[len(m.seen)-1]
}

func (m *script) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen)
}

// then puts steps in the place of those that are left.
func (m *script) then(steps ...step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps = steps
}

// says is a step that streams pieces and ends the turn.
func says(pieces ...string) step {
	return func(_ context.Context, _ conversation.Request, say func(string)) (conversation.Response, error) {
		var r conversation.Response
		for _, p := range pieces {
			say(p)
			r.Text += p
		}
		return r, nil
	}
}

// calls is a step that calls tools by name, without arguments.
func calls(names ...string) step {
	return func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
		var r conversation.Response
		for _, n := range names {
			r.Calls = append(r.Calls, conversation.ToolCall{ID: "same", Name: n, Arguments: json.RawMessage("{}")})
		}
		return r, nil
	}
}

// fails is a step that fails.
func fails(err error) step {
	return func(context.Context, conversation.Request, func(string)) (conversation.Response, error) {
		return conversation.Response{}, err
	}
}

// box is a toolbox in memory.
type box struct {
	mu    sync.Mutex
	tools map[string]func(context.Context, conversation.ToolCall) (conversation.ToolResult, error)
	made  []conversation.ToolCall
}

func (b *box) List(context.Context) ([]conversation.Tool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []conversation.Tool
	for name := range b.tools {
		list = append(list, conversation.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)})
	}
	return list, nil
}

func (b *box) Call(ctx context.Context, call conversation.ToolCall) (conversation.ToolResult, error) {
	b.mu.Lock()
	b.made = append(b.made, call)
	f := b.tools[call.Name]
	b.mu.Unlock()
	r, err := f(ctx, call)
	r.CallID, r.Name = call.ID, call.Name
	return r, err
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.made)
}

// desk decides about approvals as the provisioner does: once each.
type desk struct {
	mu      sync.Mutex
	pending []conversation.Pending
	acts    []conversation.ConsentAct
	refuse  error
	hold    chan struct{} // when set, a decision waits for it
	reached chan struct{}
}

func (d *desk) Pending(context.Context, string) ([]conversation.Pending, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.pending), nil
}

func (d *desk) settle(ctx context.Context, act conversation.ConsentAct) error {
	if d.hold != nil {
		close(d.reached)
		select {
		case <-d.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return d.refuse
	}
	i := slices.IndexFunc(d.pending, func(p conversation.Pending) bool { return p.CardID == act.CardID })
	if i < 0 {
		return fault.New(fault.Conflict, "the approval was decided already")
	}
	d.pending = slices.Delete(d.pending, i, i+1)
	d.acts = append(d.acts, act)
	return nil
}

func (d *desk) Approve(ctx context.Context, act conversation.ConsentAct) error {
	return d.settle(ctx, act)
}

func (d *desk) Decline(ctx context.Context, act conversation.ConsentAct) error {
	act.Value = "decline"
	return d.settle(ctx, act)
}

func (d *desk) Retry(_ context.Context, act conversation.ConsentAct) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return "", d.refuse
	}
	d.acts = append(d.acts, act)
	return "d-" + act.CardID, nil
}

func (d *desk) decided() []conversation.ConsentAct {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.acts)
}

func (d *desk) open(cardIDs ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range cardIDs {
		d.pending = append(d.pending, conversation.Pending{CardID: id, DeploymentID: "d-" + id, ExpiresAt: time.Now().Add(time.Hour)})
	}
}

// safe is a vault in memory.
type safe struct {
	mu   sync.Mutex
	kept map[string][]byte
	fail error
}

func (s *safe) Put(_ context.Context, owner, purpose string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.kept[owner+"/"+purpose] = slices.Clone(value)
	return nil
}

var (
	person = journal.Actor{Kind: journal.Human, Subject: "u-1", Email: "ana@example.com", EmailVerified: true}
	other  = journal.Actor{Kind: journal.Human, Subject: "u-2"}
)

// bench is a service with everything around it.
type house struct {
	t       testing.TB
	ctx     context.Context
	journal *journal.Journal
	service *conversation.Service
	model   *script
	guide   *script
	box     *box
	desk    *desk
	safe    *safe
	id      string
	options conversation.Options
}

// open gives a running service with one conversation in it. change may change
// the options.
func open(t testing.TB, change ...func(*conversation.Options)) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	j, err := journal.Open(ctx, journal.Options{Dir: t.TempDir(), Sealer: plainSealer{}})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, ctx: ctx, journal: j,
		model: &script{name: "thinker", steps: []step{says("Fine.")}},
		guide: &script{name: "guide", steps: []step{says("The guide is here.")}},
		box:   &box{tools: map[string]func(context.Context, conversation.ToolCall) (conversation.ToolResult, error){}},
		desk:  &desk{}, safe: &safe{kept: map[string][]byte{}},
	}
	h.options = conversation.Options{
		Journal: j, Models: []conversation.Model{h.model, h.guide}, Consent: h.desk, Secrets: h.safe,
		Toolbox: func(context.Context, string, journal.Actor) (conversation.Toolbox, error) { return h.box, nil },
	}
	for _, f := range change {
		f(&h.options)
	}
	h.service = h.start()
	t.Cleanup(func() {
		_ = h.service.Close()
		cancel()
		_ = j.Close()
	})
	c, err := h.service.Create(ctx, person, conversation.CreateOptions{Channel: "web", Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	h.id = c.ID
	return h
}

// start makes one more service on the same journal.
func (h *house) start() *conversation.Service {
	h.t.Helper()
	s, err := conversation.New(h.options)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// run follows the journal until the test ends.
func (h *house) run(s *conversation.Service) {
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan struct{})
	go func() { _ = s.Run(ctx); close(done) }()
	h.t.Cleanup(func() { cancel(); <-done })
}

// tool adds a tool.
func (h *house) tool(name string, f func(context.Context, conversation.ToolCall) (conversation.ToolResult, error)) {
	h.box.mu.Lock()
	defer h.box.mu.Unlock()
	h.box.tools[name] = f
}

// shows is a tool that shows cards.
func (h *house) shows(name string, cards ...card.Card) {
	h.tool(name, func(ctx context.Context, _ conversation.ToolCall) (conversation.ToolResult, error) {
		return conversation.ToolResult{Text: "shown"}, h.service.Show(ctx, h.id, cards...)
	})
}

// say says something and waits for the answer.
func (h *house) say(text string) conversation.Turn {
	h.t.Helper()
	id, err := h.service.Say(h.ctx, person, h.id, text)
	if err != nil {
		h.t.Fatalf("say %q: %v", text, err)
	}
	return h.wait(id)
}

// press presses a card and waits for the answer.
func (h *house) press(cardID, value string) conversation.Turn {
	h.t.Helper()
	id, err := h.service.Press(h.ctx, person, h.id, cardID, value)
	if err != nil {
		h.t.Fatalf("press %s on %s: %v", value, cardID, err)
	}
	return h.wait(id)
}

func (h *house) wait(turnID string) conversation.Turn {
	h.t.Helper()
	if err := h.service.Wait(h.ctx, h.id, turnID); err != nil {
		h.t.Fatal(err)
	}
	c := h.get()
	for _, t := range c.Turns {
		if t.ID == turnID {
			return t
		}
	}
	h.t.Fatalf("turn %s is not there", turnID)
	return conversation.Turn{}
}

func (h *house) get() conversation.Conversation {
	h.t.Helper()
	c, err := h.service.Get(h.ctx, person, h.id)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) events() []journal.Event {
	h.t.Helper()
	events, err := h.journal.Load(h.ctx, "conversation."+h.id)
	if err != nil {
		h.t.Fatal(err)
	}
	return events
}

// types gives the types of the conversation's events from the n-th on.
func (h *house) types(n int) []string {
	var out []string
	for _, e := range h.events()[n:] {
		out = append(out, e.Type[len("conversation."):])
	}
	return out
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want a fault of code %s", err, code)
	}
}

// approvalCard is a pending approval as the provisioner shows it.
func approvalCard(id string) card.Card {
	prompt := fmt.Sprintf("Shall I create %s.omani.works for €142.94 a month?", id)
	return card.New(id, card.KindApproval, "Approval", prompt, card.ApprovalData{
		Question:     card.Question{ID: id, Prompt: prompt, Type: card.AskConsent},
		DeploymentID: "d-" + id, SovereignFQDN: id + ".omani.works", State: "pending",
	})
}

// choiceCard asks for a region.
func choiceCard(id string) card.Card {
	return card.New(id, card.KindChoice, "Region", "Where shall it run?", card.ChoiceData{Question: card.Question{
		ID: "q-" + id, Field: "regions[0].cloudRegion", Prompt: "Where shall it run?", Type: card.AskChoice, Suggested: "hel1",
		Choices: []card.Choice{{Value: "fsn1", Label: "Falkenstein"}, {Value: "hel1", Label: "Helsinki"}, {Value: "sin", Label: "Singapore", Unavailable: "not offered yet"}},
	}})
}
