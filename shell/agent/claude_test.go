package agent

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/openova-io/sandbox/shell/hold"
)

// TestClaudeSaysItLate: hooks are posted side by side, so that the end of what was
// said may come after the end of the turn. It is shown, and nobody works on.
func TestClaudeSaysItLate(t *testing.T) {
	t.Parallel()
	r := claudeCode().Reader()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tell := func(hook map[string]any) (last string) {
		at = at.Add(time.Second)
		raw, _ := json.Marshal(hook)
		for _, u := range r.Read(hold.Record{Kind: hold.RecordNote, Source: "hooks", At: at, Data: raw}) {
			last = u.Card.Text
		}
		return last
	}
	tell(map[string]any{"hook_event_name": "UserPromptSubmit", "prompt": "hello"})
	if r.State() != Working {
		t.Errorf("after a prompt it is %s", r.State())
	}
	tell(map[string]any{"hook_event_name": "MessageDisplay", "message_id": "m", "delta": "It is "})
	tell(map[string]any{"hook_event_name": "Stop"})
	if said := tell(map[string]any{"hook_event_name": "MessageDisplay", "message_id": "m", "delta": "done.", "final": true}); said != "It is done." {
		t.Errorf("what came late makes it %q", said)
	}
	if r.State() != Idle {
		t.Errorf("after its end it is %s", r.State())
	}
}
