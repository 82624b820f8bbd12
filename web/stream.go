package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// heartbeat is upstream's interval on its flow stream.
const heartbeat = 15 * time.Second

func isStream(path string) bool {
	return strings.HasSuffix(path, "/stream") || strings.HasSuffix(path, "/logs") || strings.HasSuffix(path, "/events")
}

// message is one message of a live stream. Seq 0 has no id: it is ephemeral.
type message struct {
	seq   uint64
	event string
	data  any
}

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
	seq          uint64
}

// watched is a deployment with the cards that were sent of it.
type watched struct {
	events []journal.Event
	sent   map[string]string
	first  uint64 // sequence of its first event
}

func (w *watch) filters() []string {
	f := []string{"conversation." + w.conversation, "draft." + w.conversation}
	for _, id := range w.order {
		f = append(f, "deployment."+id)
	}
	return f
}

// link adds a deployment; true when it is new.
func (w *watch) link(id string) bool {
	if _, ok := w.deployments[id]; ok || id == "" {
		return false
	}
	w.deployments[id] = &watched{sent: map[string]string{}}
	w.order = append(w.order, id)
	return true
}

// replay loads what has happened and gives the messages after the cursor.
func (w *watch) replay(ctx context.Context, after uint64) ([]message, error) {
	var out []message
	events, err := w.s.options.Journal.Load(ctx, "conversation."+w.conversation)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		w.seq = max(w.seq, e.Seq)
		if e.Type == "conversation.deployment.linked" {
			w.link(linkedID(e))
		}
		if e.Seq > after {
			out = append(out, conversationMessages(e)...)
		}
	}
	drafts, err := w.s.options.Journal.Load(ctx, "draft."+w.conversation)
	if err != nil {
		return nil, err
	}
	var draftSeq uint64
	for _, e := range drafts {
		draftSeq = e.Seq
	}
	for _, id := range w.order {
		d := w.deployments[id]
		if d.events, err = w.s.options.Journal.Load(ctx, "deployment."+id); err != nil {
			return nil, err
		}
		if len(d.events) == 0 {
			continue
		}
		d.first = d.events[0].Seq
		last := d.events[len(d.events)-1].Seq
		cards, err := w.cards(id)
		if err != nil {
			return nil, err
		}
		// The newest state stands where the deployment began, so that a page that is
		// opened later reads in the order in which things happened.
		at := d.first
		if at <= after {
			at = last
		}
		for _, c := range cards {
			if last > after {
				out = append(out, message{at, "card", cardMessage{Card: c}})
			}
		}
		w.seq = max(w.seq, last)
		draftSeq = max(draftSeq, last)
	}
	w.seq = max(w.seq, draftSeq)
	if draftSeq > after {
		if m, err := w.draft(ctx, draftSeq); err == nil {
			out = append(out, m)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].seq < out[j].seq })
	return out, nil
}

// next gives the messages of one new event.
func (w *watch) next(ctx context.Context, e journal.Event) ([]message, error) {
	w.seq = max(w.seq, e.Seq)
	noun, id, _ := strings.Cut(e.Aggregate, ".")
	switch noun {
	case "conversation":
		return conversationMessages(e), nil
	case "draft":
		m, err := w.draft(ctx, e.Seq)
		if err != nil {
			return nil, err
		}
		return []message{m}, nil
	}
	d, ok := w.deployments[id]
	if !ok {
		return nil, nil
	}
	if len(d.events) == 0 {
		d.first = e.Seq
	}
	d.events = append(d.events, e)
	cards, err := w.cards(id)
	if err != nil {
		return nil, err
	}
	var out []message
	for _, c := range cards {
		out = append(out, message{e.Seq, "card", cardMessage{Card: c}})
	}
	if e.Type == "deployment.status.changed" || strings.HasPrefix(e.Type, "deployment.approval.") {
		if m, err := w.draft(ctx, e.Seq); err == nil {
			out = append(out, m)
		}
	}
	return out, nil
}

// cards gives the deployment's cards that have changed since they were sent.
func (w *watch) cards(id string) ([]card.Card, error) {
	d := w.deployments[id]
	folded, err := provisioner.FoldDeployment(d.events)
	if err != nil {
		return nil, err
	}
	cards := provisioner.ProgressCards(folded)
	if folded.Approval != nil && folded.Approval.State != "pending" {
		// The plan's own cards were shown in the conversation; once decided, the
		// approval card says so.
		for _, c := range provisioner.PlanCards(folded) {
			if c.Kind == card.KindApproval {
				cards = append([]card.Card{c}, cards...)
			}
		}
	}
	var changed []card.Card
	for _, c := range cards {
		c.Seq = 0
		body, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		if d.sent[c.ID] == string(body) {
			continue
		}
		d.sent[c.ID] = string(body)
		c.Seq = folded.Seq
		changed = append(changed, c)
	}
	return changed, nil
}

func (w *watch) draft(ctx context.Context, seq uint64) (message, error) {
	d, err := w.s.options.Provisioner.Draft(ctx, w.actor, w.conversation)
	if err != nil {
		return message{}, err
	}
	return message{seq, "draft", d}, nil
}

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
		return []message{{e.Seq, "card", cardMessage{TurnID: data.TurnID, Card: data.Card}}}
	}
	return nil
}

// errRelink restarts a follow with one more deployment.
var errRelink = errors.New("another deployment was linked")

// follow sends what is new until ctx ends. A deployment is linked when there is
// something to show of it, which is after its first events: those are sent first.
func (w *watch) follow(ctx context.Context, each func(journal.Event) error) error {
	for {
		var linked string
		err := w.s.options.Journal.Follow(ctx, w.seq, w.filters(), func(e journal.Event) error {
			if err := each(e); err != nil {
				return err
			}
			w.seq = max(w.seq, e.Seq)
			if e.Type == "conversation.deployment.linked" && w.link(linkedID(e)) {
				linked = linkedID(e)
				return errRelink
			}
			return nil
		})
		if !errors.Is(err, errRelink) {
			return err
		}
		missed, err := w.s.options.Journal.Load(ctx, "deployment."+linked)
		if err != nil {
			return err
		}
		for _, e := range missed {
			if e.Seq > w.seq {
				break // comes by itself
			}
			if err := each(e); err != nil {
				return err
			}
		}
	}
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
	return &watch{s: s, actor: actor, conversation: id, deployments: map[string]*watched{}}, nil
}

// after reads the cursor of a stream.
func after(c echo.Context) (uint64, error) {
	v := c.Request().Header.Get("Last-Event-ID")
	if v == "" {
		v = c.QueryParam("after")
	}
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "the cursor %q is not a sequence number", cut(v, 40)).At("after").Do("Send the id of the last message you have, or none.")
	}
	return n, nil
}

// stream is the live stream of a conversation.
func (s *Server) stream(c echo.Context) error {
	cursor, err := after(c)
	if err != nil {
		return err
	}
	w, err := s.newWatch(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	replayed, err := w.replay(ctx, cursor)
	if err != nil {
		return err
	}
	out := startStream(c)
	s.streams.Inc()
	defer s.streams.Dec()
	for _, m := range replayed {
		if err := out.send(m); err != nil {
			return nil
		}
	}
	if err := out.send(message{0, "heartbeat", struct{}{}}); err != nil {
		return nil
	}
	live := make(chan message, 256)
	done := make(chan struct{}, 2)
	put := func(m message) error {
		select {
		case live <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() { // owned by this request; ends with ctx
		defer func() { done <- struct{}{} }()
		defer cancel()
		_ = w.follow(ctx, func(e journal.Event) error {
			ms, err := w.next(ctx, e)
			for _, m := range ms {
				if err := put(m); err != nil {
					return err
				}
			}
			return err
		})
	}()
	go func() { // owned by this request; ends with ctx
		defer func() { done <- struct{}{} }()
		_ = s.options.Journal.Listen(ctx, "live."+w.conversation, func(raw []byte) {
			_ = put(message{0, "delta", json.RawMessage(bytes.Clone(raw))})
		})
	}()
	defer func() { cancel(); <-done; <-done }()
	return out.pump(ctx, live)
}

// eventStream writes text/event-stream (HTML standard, 9.2).
type eventStream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func startStream(c echo.Context) *eventStream {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &eventStream{w: c.Response(), rc: http.NewResponseController(c.Response())}
}

func (o *eventStream) send(m message) error {
	data, err := json.Marshal(m.data)
	if err != nil {
		return err
	}
	// A reader that takes nothing for this long is gone.
	_ = o.rc.SetWriteDeadline(time.Now().Add(30 * time.Second))
	if m.seq > 0 {
		_, err = fmt.Fprintf(o.w, "id: %d\n", m.seq)
	}
	if err == nil && m.event != "" {
		_, err = fmt.Fprintf(o.w, "event: %s\n", m.event)
	}
	if err == nil {
		_, err = fmt.Fprintf(o.w, "data: %s\n\n", data)
	}
	if err == nil {
		err = o.rc.Flush()
	}
	return err
}

// pump sends messages and heartbeats until ctx ends, the reader is gone, or live
// is closed and everything in it was sent.
func (o *eventStream) pump(ctx context.Context, live <-chan message) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var m message
		open := true
		select {
		case <-ctx.Done():
			return nil
		case m, open = <-live:
		case <-beat.C:
			m = message{0, "heartbeat", struct{}{}}
		}
		if !open {
			return nil
		}
		if err := o.send(m); err != nil {
			return nil
		}
	}
}

// events gives the journal events themselves, as JSON Lines, for programs.
func (s *Server) events(c echo.Context) error {
	cursor, err := after(c)
	if err != nil {
		return err
	}
	w, err := s.newWatch(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	history, err := w.history(ctx, cursor)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/x-ndjson")
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().WriteHeader(http.StatusOK)
	rc := http.NewResponseController(c.Response())
	enc := json.NewEncoder(c.Response())
	write := func(e journal.Event) error {
		if err := enc.Encode(e); err != nil {
			return err
		}
		return rc.Flush()
	}
	for _, e := range history {
		if err := write(e); err != nil {
			return nil
		}
	}
	if c.QueryParam("follow") == "true" {
		_ = rc.Flush()
		_ = w.follow(ctx, write)
	}
	return nil
}

// history gives all events after the cursor, in their order.
func (w *watch) history(ctx context.Context, cursor uint64) ([]journal.Event, error) {
	var all []journal.Event
	load := func(aggregate string) error {
		events, err := w.s.options.Journal.Load(ctx, aggregate)
		if err != nil {
			return err
		}
		for _, e := range events {
			w.seq = max(w.seq, e.Seq)
			if e.Type == "conversation.deployment.linked" {
				w.link(linkedID(e))
			}
			if e.Seq > cursor {
				all = append(all, e)
			}
		}
		return nil
	}
	for i := 0; i < len(w.filters()); i++ {
		if err := load(w.filters()[i]); err != nil {
			return nil, err
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Seq < all[j].Seq })
	return all, nil
}
