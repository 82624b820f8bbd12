package web

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// turnMessage is one side of a turn.
type turnMessage struct {
	Seq    uint64          `json:"seq"`
	TurnID string          `json:"turnId"`
	Role   string          `json:"role"`
	Text   string          `json:"text"`
	State  string          `json:"state"`
	Press  json.RawMessage `json:"press,omitempty"`
	Model  string          `json:"model,omitempty"`
	At     time.Time       `json:"at"`
}

// cardMessage is one card, in the turn that showed it.
type cardMessage struct {
	// Seq is where the card stands: of a deployment that began before the reader
	// came, where that began. The card's own Seq says how new it is.
	Seq    uint64    `json:"seq"`
	TurnID string    `json:"turnId,omitempty"`
	Card   card.Card `json:"card"`
}

// watch is what the live stream folds: one conversation, its draft and its
// deployments.
type watch struct {
	s            *Server
	actor        journal.Actor
	conversation string
	deployments  map[string]*watched
	order        []string
	// seq is the journal's sequence up to which the watch has seen everything.
	seq uint64
}

// watched is a deployment with the cards that the reader has of it.
type watched struct {
	state  provisioner.Deployment
	linked uint64 // sequence of the event that linked it
	// arose are the sequences of the events that its cards came up with.
	arose map[string]uint64
	// past are the cards that its state no longer has, as they were left: what was
	// decided about an approval, and why an attempt ended.
	past []card.Card
	sent map[string]string
}

func (w *watch) filters() []string {
	f := []string{"conversation." + w.conversation, "draft." + w.conversation}
	for _, id := range w.order {
		f = append(f, "deployment."+id)
	}
	return f
}

// link adds a deployment; true when it is new.
func (w *watch) link(id string, at uint64) bool {
	if _, ok := w.deployments[id]; ok || id == "" {
		return false
	}
	w.deployments[id] = &watched{linked: at, arose: map[string]uint64{}, sent: map[string]string{}}
	w.order = append(w.order, id)
	return true
}

// replay loads what has happened up to now, which the watch remembers as where it
// follows from, and gives the messages that take a reader from the cursor to there:
// of a deployment the cards that differ. A cursor beyond the journal's end is from
// before a restore of a backup: that reader gets everything.
func (w *watch) replay(ctx context.Context, after uint64) ([]message, error) {
	if err := w.fix(ctx); err != nil {
		return nil, err
	}
	if after > w.seq {
		after = 0
	}
	var out []message
	events, err := w.load(ctx, "conversation."+w.conversation)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Type == "conversation.deployment.linked" {
			w.link(linkedID(e), e.Seq)
		}
		if e.Seq > after {
			out = append(out, conversationMessages(e)...)
		}
	}
	drafts, err := w.load(ctx, "draft."+w.conversation)
	if err != nil {
		return nil, err
	}
	var draftSeq uint64
	for _, e := range drafts {
		draftSeq = e.Seq
	}
	for _, id := range w.order {
		shown, newest, err := w.replayDeployment(ctx, id, after)
		if err != nil {
			return nil, err
		}
		out = append(out, shown...)
		draftSeq = max(draftSeq, newest)
	}
	if draftSeq > after {
		m, err := w.draft(ctx, draftSeq)
		if err != nil {
			return nil, err
		}
		out = append(out, m...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].seq < out[j].seq })
	return out, nil
}

// replayDeployment gives the cards of a deployment that are not as a reader at the
// cursor has them, and the sequence of the newest event.
func (w *watch) replayDeployment(ctx context.Context, id string, after uint64) (out []message, newest uint64, err error) {
	events, err := w.load(ctx, "deployment."+id)
	if err != nil || len(events) == 0 {
		return nil, 0, err
	}
	// The draft tells the deployment's status, and must not tell an older one.
	if err := w.s.options.Provisioner.Observe(ctx, events[len(events)-1]); err != nil {
		return nil, 0, err
	}
	d := w.deployments[id]
	known := 0
	if d.linked <= after {
		known = sort.Search(len(events), func(i int) bool { return events[i].Seq > after })
	}
	if _, err := w.cards(id, events[:known]...); err != nil {
		return nil, 0, err
	}
	cards, err := w.cards(id, events[known:]...)
	if err != nil {
		return nil, 0, err
	}
	newest = max(events[len(events)-1].Seq, d.linked)
	for _, c := range cards {
		// A card stands where it came up, so that a page that is opened later reads
		// in the order in which things happened.
		place := d.arose[c.ID]
		if place <= after {
			place = newest
		}
		out = append(out, message{place, "card", cardMessage{Seq: place, Card: c}})
	}
	return out, newest, nil
}

// fix makes the journal's end what the watch reads up to.
func (w *watch) fix(ctx context.Context) (err error) {
	if w.seq == 0 {
		w.seq, err = w.s.options.Journal.Head(ctx)
	}
	return err
}

// load reads an aggregate up to the watch's sequence. The aggregates are read one
// after the other while they are being written: what comes in between belongs to
// follow, in all of them alike, or an event in one that was read before would be
// behind the cursor that the others have moved.
func (w *watch) load(ctx context.Context, aggregate string) ([]journal.Event, error) {
	if err := w.fix(ctx); err != nil {
		return nil, err
	}
	events, err := w.s.options.Journal.Load(ctx, aggregate)
	if err != nil {
		return nil, err
	}
	n := sort.Search(len(events), func(i int) bool { return events[i].Seq > w.seq })
	return events[:n], nil
}

// next gives the messages of one new event. Their sequence never goes back, also
// for the past of a deployment that was linked just now: it is the cursor of a
// reader that has everything up to it.
func (w *watch) next(ctx context.Context, e journal.Event) ([]message, error) {
	at := max(w.seq, e.Seq)
	noun, id, _ := strings.Cut(e.Aggregate, ".")
	switch noun {
	case "conversation":
		return conversationMessages(e), nil
	case "draft":
		return w.draft(ctx, at)
	}
	if _, ok := w.deployments[id]; !ok {
		return nil, nil
	}
	cards, err := w.cards(id, e)
	if err != nil {
		return nil, err
	}
	var out []message
	for _, c := range cards {
		out = append(out, message{at, "card", cardMessage{Seq: at, Card: c}})
	}
	if e.Type == "deployment.status.changed" || isApproval(e) {
		if err := w.s.options.Provisioner.Observe(ctx, e); err != nil {
			return nil, err
		}
		m, err := w.draft(ctx, at)
		if err != nil {
			return nil, err
		}
		out = append(out, m...)
	}
	return out, nil
}

// cards takes a deployment's next events in, and gives its cards that have changed
// since they were sent.
func (w *watch) cards(id string, events ...journal.Event) ([]card.Card, error) {
	d := w.deployments[id]
	for _, e := range events {
		var err error
		if d.state, err = d.state.With(e); err != nil {
			return nil, err
		}
		d.remember(e)
	}
	cards := slices.Clone(d.past)
	for _, c := range provisioner.ProgressCards(d.state) {
		c.Seq = d.state.Seq
		cards = append(cards, c)
	}
	var changed []card.Card
	for _, c := range cards {
		seq := c.Seq
		c.Seq = 0
		body, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		if d.sent[c.ID] == string(body) {
			continue
		}
		d.sent[c.ID] = string(body)
		c.Seq = seq
		changed = append(changed, c)
	}
	return changed, nil
}

// remember notes what an event that was taken in brought up, and what of it stays
// when the deployment goes on.
func (d *watched) remember(e journal.Event) {
	var cards []card.Card
	switch {
	case isApproval(e) && d.state.Approval != nil && d.state.Approval.State != "pending":
		// The plan's own cards were shown in the conversation; once decided, the
		// approval card says so.
		cards = provisioner.PlanCards(d.state)
	case e.Type == "deployment.status.changed":
		cards = provisioner.ProgressCards(d.state)
	}
	for _, c := range cards {
		if _, known := d.arose[c.ID]; !known {
			d.arose[c.ID] = e.Seq
		}
		if c.Kind == card.KindApproval || c.Kind == card.KindError || c.Kind == card.KindNotice {
			c.Seq = e.Seq
			d.past = append(d.past, c)
		}
	}
}

// draft gives the draft as it is now; none where the reader has no right to it.
func (w *watch) draft(ctx context.Context, seq uint64) ([]message, error) {
	d, err := w.s.options.Provisioner.Draft(ctx, w.actor, w.conversation)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []message{{seq, "draft", d}}, nil
}

func isApproval(e journal.Event) bool { return strings.HasPrefix(e.Type, "deployment.approval.") }

func linkedID(e journal.Event) string {
	var data struct {
		DeploymentID string `json:"deploymentId"`
	}
	_ = e.Decode(&data)
	return data.DeploymentID
}

// conversationMessages derives turns and cards from one event of a conversation.
func conversationMessages(e journal.Event) []message {
	var data struct {
		TurnID string          `json:"turnId"`
		Text   string          `json:"text"`
		State  string          `json:"state"`
		Model  string          `json:"model"`
		Press  json.RawMessage `json:"press"`
		Card   card.Card       `json:"card"`
	}
	if e.Erased() || e.Decode(&data) != nil {
		return nil
	}
	switch e.Type {
	case "conversation.turn.started":
		return []message{{e.Seq, "turn", turnMessage{Seq: e.Seq, TurnID: data.TurnID, Role: "human", Text: data.Text, State: "finished", Press: data.Press, At: e.Timestamp}}}
	case "conversation.turn.finished":
		state := data.State
		if state == "done" {
			state = "finished"
		}
		return []message{{e.Seq, "turn", turnMessage{Seq: e.Seq, TurnID: data.TurnID, Role: "agent", Text: data.Text, State: state, Model: data.Model, At: e.Timestamp}}}
	case "conversation.card.shown":
		data.Card.Seq = e.Seq
		return []message{{e.Seq, "card", cardMessage{Seq: e.Seq, TurnID: data.TurnID, Card: data.Card}}}
	}
	return nil
}

// errRelink restarts a follow with one more deployment.
var errRelink = errors.New("another deployment was linked")

// follow gives what comes after the watch's sequence until ctx ends, every event
// once. The provisioner links a deployment before its first event; where another
// writer did so later, the events before come right before the link, so that a
// reader that has seen the link has seen them.
func (w *watch) follow(ctx context.Context, each func(journal.Event) error) error {
	for {
		err := w.s.options.Journal.Follow(ctx, w.seq, w.filters(), func(e journal.Event) error {
			linked := ""
			if e.Type == "conversation.deployment.linked" && w.link(linkedID(e), e.Seq) {
				linked = linkedID(e)
				past, err := w.s.options.Journal.Load(ctx, "deployment."+linked)
				if err != nil {
					return err
				}
				for _, p := range past {
					if p.Seq > e.Seq {
						break // comes by itself
					}
					if err := each(p); err != nil {
						return err
					}
				}
			}
			if err := each(e); err != nil {
				return err
			}
			w.seq = e.Seq
			if linked != "" {
				return errRelink
			}
			return nil
		})
		if !errors.Is(err, errRelink) {
			return err
		}
	}
}

// history gives the events after the cursor up to now, which the watch remembers
// as where it follows from, in the order in which follow gives them: the past of
// a deployment right before its link.
func (w *watch) history(ctx context.Context, after uint64) ([]journal.Event, error) {
	if err := w.fix(ctx); err != nil {
		return nil, err
	}
	if after > w.seq {
		return nil, fault.New(fault.Conflict, "the journal ends at %d, before the cursor %d", w.seq, after).
			Do("It was restored from a backup; read it again from the start.").At("after")
	}
	events, err := w.load(ctx, "conversation."+w.conversation)
	if err != nil {
		return nil, err
	}
	drafts, err := w.load(ctx, "draft."+w.conversation)
	if err != nil {
		return nil, err
	}
	type placed struct {
		at    uint64
		event journal.Event
	}
	var all []placed
	for _, e := range drafts {
		all = append(all, placed{e.Seq, e})
	}
	for _, e := range events {
		if e.Type == "conversation.deployment.linked" && w.link(linkedID(e), e.Seq) {
			past, err := w.load(ctx, "deployment."+linkedID(e))
			if err != nil {
				return nil, err
			}
			for _, p := range past {
				all = append(all, placed{max(p.Seq, e.Seq), p})
			}
		}
		all = append(all, placed{e.Seq, e})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	var out []journal.Event
	for _, p := range all {
		if p.at > after {
			out = append(out, p.event)
		}
	}
	return out, nil
}

func (s *Server) newWatch(c echo.Context) (*watch, error) {
	actor, err := s.actor(c)
	if err != nil {
		return nil, err
	}
	id := c.Param("id")
	if _, err := s.options.Conversations.Get(c.Request().Context(), actor, id); err != nil {
		return nil, err
	}
	return s.watchOf(actor, id), nil
}

// watchOf is a watch of a conversation that is the actor's.
func (s *Server) watchOf(actor journal.Actor, id string) *watch {
	return &watch{s: s, actor: actor, conversation: id, deployments: map[string]*watched{}}
}
