package shell

import (
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// The events of a session.<id> aggregate.
const (
	eventCreated = "session.created"
	eventRenamed = "session.renamed"
	eventInvited = "session.invited"
	eventCards   = "session.cards"
	eventExited  = "session.exited"
	eventDeleted = "session.deleted"
)

// The facts that other systems are told, without personal content.
const (
	factCreated = "sandbox.session.created"
	factExited  = "sandbox.session.exited"
)

// State is what a session is doing.
type State string

const (
	// Starting: the holder does not answer yet.
	Starting State = "starting"
	// Working: a command runs, or the agent is busy.
	Working State = "working"
	// Waiting: the agent waits for somebody's permission.
	Waiting State = "waiting"
	// Idle: it waits for input.
	Idle State = "idle"
	// Ended: the command ended; Exit says how.
	Ended State = "ended"
	// Lost: its holder was killed, and what it held is gone.
	Lost State = "lost"
)

// Session is what is known of one session.
type Session struct {
	// ID is 24 lower-case hexadecimal characters.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Agent is the catalogue's name of what runs; empty when a command was given.
	Agent   string   `json:"agent,omitempty"`
	Command []string `json:"command,omitempty"`
	Dir     string   `json:"dir"`
	// Repository is the address of what was cloned into Dir, and Branch what it is on.
	Repository string         `json:"repository,omitempty"`
	Branch     string         `json:"branch,omitempty"`
	Isolation  hold.Isolation `json:"isolation"`
	// Mode is what the agent may do without asking, as it was started.
	Mode agent.Mode `json:"mode,omitempty"`
	// Payer is whose key the agent thinks with.
	Payer Payer `json:"payer,omitempty"`
	State State `json:"state"`
	// Conversation is the agent's own name for what is said in it.
	Conversation string    `json:"-"`
	CreatedAt    time.Time `json:"createdAt"`
	// ActiveAt is when a command last began or ended.
	ActiveAt time.Time      `json:"lastActivityAt"`
	EndedAt  time.Time      `json:"endedAt,omitzero"`
	Exit     *hold.ExitData `json:"exit,omitempty"`
	// Role is what the caller may do with it.
	Role hold.Role `json:"role"`
	// Title is the terminal's title, as the program in it set it.
	Title string `json:"title,omitempty"`
	Cols  int    `json:"cols,omitempty"`
	Rows  int    `json:"rows,omitempty"`
	// Watchers are the clients that are attached.
	Watchers []hold.Watcher `json:"watchers,omitempty"`
	// LastCommand is the newest command line, or what was said last, for the list.
	LastCommand string `json:"lastCommand,omitempty"`
	// PID is the process that runs in it.
	PID int `json:"pid,omitempty"`
}

type created struct {
	Name       string         `json:"name"`
	Agent      string         `json:"agent,omitempty"`
	Command    []string       `json:"command,omitempty"`
	Dir        string         `json:"dir"`
	Repository string         `json:"repository,omitempty"`
	Branch     string         `json:"branch,omitempty"`
	Isolation  hold.Isolation `json:"isolation"`
	Mode       agent.Mode     `json:"mode,omitempty"`
	Payer      Payer          `json:"payer,omitempty"`
	Owner      journal.Actor  `json:"owner"`
	Org        string         `json:"org,omitempty"`
	// Conversation is what the agent goes on with when it is resumed.
	Conversation string `json:"conversation,omitempty"`
}

type renamed struct {
	Name string `json:"name"`
}

type invited struct {
	// Hash is the SHA-256 of the invitation's token.
	Hash    string    `json:"hash"`
	Role    hold.Role `json:"role"`
	Expires time.Time `json:"expires"`
}

type cards struct {
	// Spool is how far the spool is read with these cards.
	Spool int64       `json:"spool"`
	Cards []card.Card `json:"cards"`
}

type exited struct {
	hold.ExitData
	Lost bool `json:"lost,omitempty"`
}

// folded is a session's whole state, a pure fold of its events.
type folded struct {
	Session
	owner       journal.Actor
	invitations []invited
	cards       []card.Card
	spool       int64
	seq         uint64
	deleted     bool
}

// fold reads a session's history. An empty one is a [fault.NotFound] fault.
func fold(id string, events []journal.Event) (folded, error) {
	f := folded{Session: Session{ID: id, State: Starting}}
	if len(events) == 0 {
		return f, unknown(id)
	}
	for _, e := range events {
		if err := f.apply(e); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *folded) apply(e journal.Event) error {
	f.seq = e.Seq
	var err error
	switch e.Type {
	case eventCreated:
		var d created
		err = e.Decode(&d)
		f.Name, f.Agent, f.Command, f.Dir, f.Isolation = d.Name, d.Agent, d.Command, d.Dir, d.Isolation
		f.Mode, f.Payer, f.Conversation = d.Mode, d.Payer, d.Conversation
		f.Repository, f.Branch = d.Repository, d.Branch
		f.owner, f.CreatedAt, f.ActiveAt = d.Owner, e.Timestamp, e.Timestamp
	case eventRenamed:
		var d renamed
		err = e.Decode(&d)
		f.Name = d.Name
	case eventInvited:
		var d invited
		err = e.Decode(&d)
		f.invitations = append(f.invitations, d)
	case eventCards:
		var d cards
		err = e.Decode(&d)
		f.spool, f.ActiveAt = d.Spool, e.Timestamp
		for _, c := range d.Cards {
			c.Seq = e.Seq
			f.show(c)
		}
	case eventExited:
		var d exited
		err = e.Decode(&d)
		f.State, f.EndedAt, f.Exit = Ended, e.Timestamp, &d.ExitData
		if d.Lost {
			f.State = Lost
		}
	case eventDeleted:
		f.deleted = true
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "event %s of session %s cannot be read", e.Type, f.ID)
	}
	return nil
}

// maxCards is how many cards of a session are kept at hand.
const maxCards = 500

// show adds a card, or replaces the one with its id.
func (f *folded) show(c card.Card) {
	switch c.Kind {
	case card.KindBash:
		f.LastCommand = c.Title
	case card.KindText, card.KindPermission, card.KindDiff:
		f.LastCommand = firstLine(c.Text)
	}
	for i := len(f.cards) - 1; i >= 0; i-- {
		if f.cards[i].ID == c.ID {
			f.cards[i] = c
			return
		}
	}
	if f.cards = append(f.cards, c); len(f.cards) > maxCards {
		f.cards = f.cards[len(f.cards)-maxCards:]
	}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return cut(s)
}

func unknown(id string) error {
	if r := []rune(id); len(r) > 40 {
		id = string(r[:40]) + "…"
	}
	return fault.New(fault.NotFound, "there is no session %q", id)
}
