package shell

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

// maxPrompt bounds a prompt, in bytes.
const maxPrompt = 128 << 10

// Prompt tells a session's agent what to do: by its side channel where it takes
// prompts there, else as text that is pasted into its terminal and entered.
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
	control, err := x.manager()
	if err != nil {
		return err
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
	if ok {
		return fault.Wrap(control.Send(hold.JSON(hold.Reply, reply)), fault.Unavailable, "the session does not answer")
	}
	c, err := hold.Dial(ctx, x.dir, hold.AttachData{Role: hold.Driver, Name: "prompt"})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the session does not answer")
	}
	defer c.Close()
	return fault.Wrap(c.Send(hold.Frame{Kind: hold.Input, Payload: []byte(pasted(text) + "\r")}), fault.Unavailable, "the session does not answer")
}

// pasted puts text between the marks of a bracketed paste; it cannot end the paste
// itself.
func pasted(text string) string {
	text = strings.NewReplacer("\r\n", "\r", "\n", "\r", "\x1b", "").Replace(text)
	return "\x1b[200~" + text + "\x1b[201~"
}
