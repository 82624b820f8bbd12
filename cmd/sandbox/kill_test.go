package main_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// kill ends the service of a data directory as a crash would.
func kill(t *testing.T, dir string) {
	t.Helper()
	i, ok := serviceInfo(t.Context(), dir)
	if !ok {
		t.Fatal("the service does not run")
	}
	p, err := os.FindProcess(i.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestKilledServiceThroughTheChat: the service dies while it plans, while it
// applies and while the cluster boots. The one chat that the founder sits in goes
// on each time, and nothing is created twice.
func TestKilledServiceThroughTheChat(t *testing.T) {
	needTofu(t)
	dir := home(t)
	k := startTalk(t, dir)
	k.answered() // the greeting
	k.say("Hi, we are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we want to share files.")
	k.answered()
	k.say("founder@alnoor.example")
	k.answered()
	c, ok := k.shown(card.KindSecret)
	if !ok {
		t.Fatalf("no question for the account:\n%s", k.story())
	}
	k.press(c.ID, "simulated")
	k.until("the plan being made", func(e journal.Event) bool {
		return e.Type == "deployment.created" || e.Type == "conversation.tool.called" && called(e, "catalyst.plan.create")
	})
	kill(t, dir) // in planning
	var turn struct{ State string }
	k.until("the end of the turn", func(e journal.Event) bool {
		return e.Type == "conversation.turn.finished" && e.Decode(&turn) == nil
	})
	if turn.State == "interrupted" { // and says so; whoever tells it to go on gets the plan
		k.say("go ahead")
	}
	var shown struct{ Card card.Card }
	if c, ok := k.shown(card.KindApproval); ok {
		shown.Card = c
	} else {
		k.until("the approval card", func(e journal.Event) bool {
			return e.Type == "conversation.card.shown" && e.Decode(&shown) == nil && shown.Card.Kind == card.KindApproval
		})
	}
	approval := shown.Card
	k.press(approval.ID, "approve")
	k.status("tofu-applying")
	kill(t, dir)
	k.status("phase1-watching")
	kill(t, dir)
	k.status("ready")
	k.finish()
	seen := map[uint64]bool{}
	for _, e := range k.seen {
		if e.Seq == 0 {
			continue
		}
		if seen[e.Seq] {
			t.Errorf("event %d (%s) came twice", e.Seq, e.Type)
		}
		seen[e.Seq] = true
	}
	createdOnce(t, dir)
}

// called is true for the call of a tool.
func called(e journal.Event, tool string) bool {
	var d struct{ Name string }
	return e.Decode(&d) == nil && d.Name == tool
}
