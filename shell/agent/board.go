package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

// board is what the readers of agents share: the tools that are called, the
// questions that are open, and the cards of both.
type board struct {
	out   []Update
	tools map[string]*tool
	asks  map[string]*ask // by card
	order []string        // the asks' cards, in their order
	said  map[string]string
	state State
	began time.Time
	turn  int
	deaf  bool // until its side channel is there
}

// tool is one call of a tool.
type tool struct {
	id     string
	action action
	at     time.Time
	over   bool
	asked  bool // it waits for a permission
}

// ask is one question for permission.
type ask struct {
	card    string
	source  string
	record  string // what a reply names
	tool    string // the call's id; may be empty
	action  action
	state   string
	by      string
	open    bool   // the agent's side channel still waits
	replied bool   // a reply was given through it
	no      string // how a no is said, where there are several
}

func newBoard() board {
	return board{tools: map[string]*tool{}, asks: map[string]*ask{}, said: map[string]string{}}
}

// take gives what has changed since it was last asked.
func (b *board) take() []Update {
	out := b.out
	b.out = nil
	return out
}

func (b *board) show(c card.Card)  { b.out = append(b.out, Update{Card: c}) }
func (b *board) draft(c card.Card) { b.out = append(b.out, Update{Card: c, Draft: true}) }

// Hears tells whether the agent's side channel is there.
func (b *board) Hears() bool { return !b.deaf }

// State is what the agent does.
func (b *board) State() State {
	for _, a := range b.asks {
		if a.state == "waiting" {
			return Waiting
		}
	}
	return b.state
}

// maxText bounds what one card says.
const maxText = 48 << 10

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "\n…"
}

// person shows what somebody has asked the agent.
func (b *board) person(id, text string, at time.Time) {
	b.state, b.began = Working, at
	b.turn++
	b.show(card.New(id, card.KindText, "", clip(text, maxText), card.TextData{From: "person"}))
}

// more adds to what the agent says.
func (b *board) more(id, delta string) {
	b.said[id] += delta
	if text := strings.TrimSpace(b.said[id]); text != "" {
		b.draft(card.New(id, card.KindText, "", clip(text, maxText), card.TextData{From: "agent", Streaming: true}))
	}
}

// told shows what the agent has said in full.
func (b *board) told(id, text string) {
	delete(b.said, id)
	if text = strings.TrimSpace(text); text != "" {
		b.show(card.New(id, card.KindText, "", clip(text, maxText), card.TextData{From: "agent"}))
	}
}

// done ends a turn: whatever was being said is said, and nothing is asked any
// more.
func (b *board) done(at time.Time) {
	for id, text := range b.said {
		b.told(id, text)
	}
	for _, id := range b.order {
		if a := b.asks[id]; a != nil && a.state == "waiting" {
			b.close(a, "gone", "")
		}
	}
	if b.state == Working && !b.began.IsZero() {
		took := at.Sub(b.began).Round(100 * time.Millisecond)
		b.show(card.New(fmt.Sprintf("turn-%d", b.turn), card.KindNotice, "Finished", "Finished after "+took.String()+". It waits for you.", card.NoticeData{Level: "info", Millis: took.Milliseconds()}))
	}
	b.state = Idle
}

// failed shows an error of the agent itself.
func (b *board) failed(id, text string) {
	b.show(card.New(id, card.KindError, "Error", clip(text, 4<<10), card.NoticeData{Level: "error"}))
}

// call shows that a tool is called.
func (b *board) call(id string, act action, at time.Time) {
	if b.tools[id] != nil {
		return
	}
	b.state = Working
	t := &tool{id: id, action: act, at: at}
	b.tools[id] = t
	b.paint(t)
}

// paint shows a tool that is not over.
func (b *board) paint(t *tool) {
	id := "tool-" + t.id
	switch t.action.kind {
	case actBash:
		data := card.BashData{Command: t.action.command, Running: true, Waiting: t.asked, StartedAt: stamp(t.at)}
		text := "$ " + t.action.command + "\nrunning"
		if t.asked {
			text = "$ " + t.action.command + "\nwaits for a permission"
		}
		b.show(card.New(id, card.KindBash, firstLine(t.action.command), clip(text, 4<<10), data))
	case actDiff: // it is shown when it is made, and before that in its question
	case actTodo:
		b.todo(t.action.todos)
	default:
		b.show(card.New(id, card.KindToolCall, t.action.name, toolText(t.action, "running"), card.ToolCallData{Tool: t.action.name, State: "running"}))
	}
}

func toolText(a action, state string) string {
	s := a.name
	if a.detail != "" {
		s += " " + firstLine(a.detail)
	}
	return s + "\n" + state
}

// progress shows what a command has printed so far.
func (b *board) progress(id, output string) {
	t := b.tools[id]
	if t == nil || t.over || t.action.kind != actBash {
		return
	}
	data := card.BashData{Command: t.action.command, Running: true, StartedAt: stamp(t.at), Output: output}
	b.draft(card.New("tool-"+t.id, card.KindBash, firstLine(t.action.command), clip("$ "+t.action.command+"\n"+lastLines(output, 5), 4<<10), data))
}

// outcomeOf is how a call of a tool ended.
type outcomeOf struct {
	failed  bool
	problem string
	output  string
	exit    int
	millis  int64
	hunks   []card.Hunk
	created bool
	// refused is true when it was not run because a person did not want it.
	refused bool
}

// over shows how a call ended.
func (b *board) over(id string, o outcomeOf, at time.Time) {
	t := b.tools[id]
	if t == nil || t.over {
		return
	}
	t.over, t.asked = true, false
	if o.millis == 0 && !t.at.IsZero() {
		o.millis = at.Sub(t.at).Milliseconds()
	}
	for _, a := range b.asks { // it was answered in the terminal, or the answer took effect
		if a.tool != id {
			continue
		}
		switch {
		case a.state == "waiting" && o.refused:
			b.close(a, "denied", "terminal")
		case a.state == "waiting":
			b.close(a, "allowed", "terminal")
		case a.state == "denied" && !o.refused && a.by == "here":
			b.close(a, "allowed", "terminal") // the terminal was first
		}
	}
	cardID := "tool-" + t.id
	switch t.action.kind {
	case actBash:
		data := card.BashData{Command: t.action.command, Output: clip(o.output, maxText), StartedAt: stamp(t.at), Millis: o.millis}
		exit := o.exit
		if o.refused {
			exit = -1
		}
		data.ExitCode, data.Refused = &exit, o.refused
		state := outcome(exit, hold.Record{Millis: o.millis})
		if o.refused {
			state = "not run: it was denied"
		}
		b.show(card.New(cardID, card.KindBash, firstLine(t.action.command), clip("$ "+t.action.command+"\n"+lastLines(data.Output, 5)+"\n"+state, 8<<10), data))
	case actDiff:
		hunks := o.hunks
		if len(hunks) == 0 {
			hunks = t.action.hunks
		}
		b.show(diffCard(cardID, t.action.path, hunks, o.created || t.action.created, o))
	case actTodo:
	default:
		state := "succeeded"
		if o.failed || o.refused {
			state = "failed"
		}
		text := toolText(t.action, state)
		if o.problem != "" {
			text += ": " + firstLine(o.problem)
		}
		b.show(card.New(cardID, card.KindToolCall, t.action.name, text, card.ToolCallData{Tool: t.action.name, State: state}))
	}
}

func (b *board) todo(items []card.TodoItem) {
	if len(items) == 0 {
		return
	}
	marks := map[string]string{"pending": "[ ] ", "active": "[>] ", "done": "[x] "}
	var text strings.Builder
	for _, i := range items {
		text.WriteString(marks[i.State] + i.Text + "\n")
	}
	b.show(card.New(fmt.Sprintf("todo-%d", b.turn), card.KindTodo, "Plan", strings.TrimSpace(text.String()), card.TodoData{Items: items}))
}

// question shows that the agent asks whether it may do something.
func (b *board) question(a *ask) {
	a.card, a.state, a.open = "ask-"+a.record, "waiting", true
	b.asks[a.card] = a
	b.order = append(b.order, a.card)
	if t := b.tools[a.tool]; t != nil && !t.over {
		t.asked = true
		b.paint(t)
	}
	b.paintAsk(a)
}

func (b *board) paintAsk(a *ask) {
	data := card.PermissionData{Tool: a.action.name, Detail: clip(a.action.what(), 4<<10), Hunks: a.action.hunks, State: a.state, By: a.by}
	text := "May it use " + a.action.name + "?\n" + data.Detail
	switch {
	case a.state == "gone":
		text += "\nnobody waits for an answer any more"
	case a.state != "waiting" && a.by == "here":
		text += "\n" + a.state + " here"
	case a.state != "waiting":
		text += "\n" + a.state + " in the terminal"
	}
	b.show(card.New(a.card, card.KindPermission, a.action.name, text, data))
}

// close says how a question was answered.
func (b *board) close(a *ask, state, by string) {
	if a.state == state && a.by == by {
		return
	}
	a.state, a.by = state, by
	b.paintAsk(a)
	if t := b.tools[a.tool]; t != nil && !t.over && t.asked {
		t.asked = false
		if state == "allowed" {
			b.paint(t)
		}
	}
}

// channel takes in what the holder says of questions: the first reply to each, and
// that the agent does not wait any more.
func (b *board) channel(r hold.Record) (taken bool) {
	switch r.Kind {
	case hold.RecordAnswered:
		a := b.asks["ask-"+r.ID]
		if a == nil {
			return true
		}
		var reply hold.ReplyData
		var note answerNote
		_ = json.Unmarshal(r.Data, &reply)
		_ = json.Unmarshal(reply.Note, &note)
		a.open, a.replied = false, true
		switch {
		case note.Verdict == "": // it was let go
		case a.state == "waiting":
			b.close(a, note.Verdict, "here")
		}
		return true
	case hold.RecordExit:
		b.began = time.Time{} // it does not wait for anybody
		b.done(r.At)
		return true
	case hold.RecordGone:
		if a := b.asks["ask-"+r.ID]; a != nil {
			a.open = false
			if a.state == "waiting" {
				b.close(a, "gone", "")
			}
		}
		return true
	}
	return false
}

// answerNote is kept with a reply.
type answerNote struct {
	Verdict string `json:"verdict,omitempty"`
}

func verdict(allow bool) json.RawMessage {
	v := "denied"
	if allow {
		v = "allowed"
	}
	raw, _ := json.Marshal(answerNote{v})
	return raw
}

// Prompt is for agents that are typed to.
func (b *board) Prompt(string, string) (hold.ReplyData, bool) { return hold.ReplyData{}, false }

// waiting gives the question of a card that can be answered.
func (b *board) waiting(cardID string) (*ask, error) {
	a := b.asks[cardID]
	switch {
	case a == nil:
		return nil, fault.New(fault.NotFound, "this session has no question %q", clip(cardID, 80))
	case a.state != "waiting" || !a.open:
		return nil, fault.New(fault.Conflict, "this was answered already").Do("Look at its card: it says where.")
	}
	return a, nil
}

// left gives the questions that were answered elsewhere while the agent's side
// channel still waits.
func (b *board) left() (out []*ask) {
	for _, id := range b.order {
		if a := b.asks[id]; a.open && a.state != "waiting" {
			out = append(out, a)
		}
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
