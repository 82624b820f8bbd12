package shell

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// maxPrompt bounds a prompt, in bytes.
const maxPrompt = 128 << 10

// takesWithin is how long an agent may take until it takes what is typed: one that
// starts on a busy machine takes its time.
const takesWithin = time.Minute

// Prompt tells a session's agent what to do, as soon as it takes that: by its side
// channel where it takes prompts there, else as text that is pasted into its terminal
// and entered. While it asks for a permission a prompt is a [fault.Conflict]
// fault: typed into its dialog it would be an answer.
func (s *Service) Prompt(ctx context.Context, actor journal.Actor, id, invitation, text string) error {
	x, role, err := s.find(actor, id, invitation)
	if err != nil {
		return err
	}
	if role != hold.Owner && role != hold.Driver {
		return fault.New(fault.Denied, "you may watch this session, and not type into it")
	}
	if text = strings.TrimSpace(text); text == "" || len(text) > maxPrompt {
		return fault.New(fault.Invalid, "a prompt has 1 to %d bytes", maxPrompt).At("text")
	}
	ctx, cancel := context.WithTimeout(ctx, takesWithin)
	defer cancel()
	control, err := x.answering(ctx)
	if err != nil {
		return err
	}
	asks := func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.live.reader != nil && x.live.reader.State() == agent.Waiting
	}
	refused := fault.New(fault.Conflict, "the agent waits for a permission").Do("Allow or deny what it asks first.")
	if asks() {
		return refused
	}
	seat, err := sit(ctx, x)
	if err != nil {
		return err
	}
	defer seat.leave()
	x.mu.Lock()
	a, err := agent.Find(x.f.Agent)
	x.mu.Unlock()
	byAgent := err == nil && a.API != ""
	if byAgent {
		if !seat.until(ctx, func() bool { return seat.takes(a.Shows) && seat.hears() }) {
			return notNow
		}
		if asks() { // meanwhile
			return refused
		}
	}
	raw := make([]byte, 8)
	_, _ = rand.Read(raw)
	x.mu.Lock()
	var reply hold.ReplyData
	ok := false
	if x.live.reader != nil {
		reply, ok = x.live.reader.Prompt("prompt-"+hex.EncodeToString(raw), text)
	}
	x.mu.Unlock()
	switch {
	case ok:
		return fault.Wrap(control.Send(hold.JSON(hold.Reply, reply)), fault.Unavailable, "the session does not answer")
	case byAgent:
		return seat.prompt(ctx, text)
	}
	return seat.types(pasted(text) + "\r")
}

// answering waits for the session's holder, which may just be starting.
func (x *session) answering(ctx context.Context) (*hold.Conn, error) {
	changed, stop := x.changes()
	defer stop()
	for {
		control, err := x.manager()
		if err == nil || fault.CodeOf(err) != fault.Unavailable {
			return control, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// notNow: the agent is there and takes nothing.
var notNow = fault.New(fault.Unavailable, "the agent takes no prompt now").Do("Look at its terminal: it shows what it waits for.")

// The private modes of a terminal that say whether it takes text.
const (
	cursor = 25
	pastes = 2004
)

// pasted puts text between the marks of a bracketed paste; it cannot end the paste
// itself.
func pasted(text string) string {
	text = strings.NewReplacer("\r\n", "\r", "\n", "\r", "\x1b", "").Replace(text)
	return "\x1b[200~" + text + "\x1b[201~"
}
