package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/simulator/proc"
)

// refused waits for the line that says that the input was refused.
func (k *talk) refused() (code, message string) {
	k.t.Helper()
	var f struct{ Code, Message string }
	k.until("a refusal", func(e journal.Event) bool {
		return e.Type == "chat.input.refused" && json.Unmarshal(e.Data, &f) == nil
	})
	if f.Message == "" {
		k.t.Error("the refusal says nothing")
	}
	return f.Code, f.Message
}

// happened says whether an event of a type that begins like this was seen.
func (k *talk) happened(prefix string) bool {
	for _, e := range k.seen {
		if strings.HasPrefix(e.Type, prefix) {
			return true
		}
	}
	return false
}

func TestSecondServiceIsRefused(t *testing.T) {
	dir := home(t)
	k := startTalk(t, dir)
	k.answered()
	first, ok := serviceInfo(t.Context(), dir)
	if !ok {
		t.Fatal("the service does not run")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := exec.CommandContext(ctx, filepath.Join(binaries, "sandbox"), "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
	var words bytes.Buffer
	second.Stderr = &words
	_ = second.Run()
	if code := second.ProcessState.ExitCode(); code != 1 || !strings.Contains(words.String(), "another service is running on this data directory") {
		t.Errorf("the second service ended with %d: %s", code, &words)
	}
	if again, ok := serviceInfo(t.Context(), dir); !ok || again != first {
		t.Errorf("the first service was %+v and is %+v", first, again)
	}
	k.say("Hello")
	k.answered()
	k.finish()
}

func TestBadInputIsRefused(t *testing.T) {
	k := startTalk(t, home(t))
	k.answered()
	for _, x := range []struct{ name, line, code string }{
		{"control characters", "\x00\x01\x02\x7fELF", "invalid"},
		{"not UTF-8", "caf\xe9 \xff\xfe", "invalid"},
		{"1 MiB", strings.Repeat("long ", 1<<20/5), "limited"},
		{"17 KiB", strings.Repeat("a", 17<<10), "limited"},
		{"unknown card", `{"press":"no-such-card","value":"approve"}`, "not-found"},
	} {
		k.say(x.line)
		if code, message := k.refused(); code != x.code {
			t.Errorf("%s: refused as %s (%s), want %s", x.name, code, message, x.code)
		}
	}
	k.say("") // a blank line is no turn, and no mistake either
	k.say("   ")

	// The conversation goes on, and where nothing waits nothing is approved.
	for _, words := range []string{"approve", "APPROVE!", "yes, approve it", "/press approval approve"} {
		k.say(words)
		if strings.HasPrefix(words, "/press") {
			k.refused()
			continue
		}
		k.answered()
	}
	k.say("We are Acme in Berlin, 5 people")
	k.answered()
	if name := k.spec()["orgName"]; name != "Acme" {
		t.Errorf("the draft has the name %v", name)
	}
	k.finish()
	if k.happened("deployment.") {
		t.Errorf("a deployment came of nothing:\n%s", k.story())
	}
}

// An approval is used once.
func TestApprovingTwiceIsRefused(t *testing.T) {
	needTofu(t)
	dir := home(t)
	k := startTalk(t, dir)
	approval := toApproval(k)
	k.press(approval.ID, "certainly")
	k.refused()
	if k.happened("deployment.approval.granted") {
		t.Fatal("something else than approve approved")
	}
	k.press(approval.ID, "approve")
	k.answered()
	k.press(approval.ID, "approve")
	if code, message := k.refused(); code != "conflict" {
		t.Errorf("the second approval was refused as %s: %s", code, message)
	}
	k.finish() // it waits for the deployment
	granted := 0
	for _, e := range k.seen {
		if e.Type == "deployment.approval.granted" {
			granted++
		}
	}
	if granted != 1 {
		t.Errorf("%d approvals were granted", granted)
	}
	createdOnce(t, dir)
}

// A server that the cloud could not make: the card says so and offers to try
// again; after the fault is gone what is missing is planned, approved and made,
// and nothing that was there is made a second time.
func TestFailedServerIsTriedAgain(t *testing.T) {
	needTofu(t)
	for name, broken := range map[string]proc.Faults{
		"the action fails": {FailAction: []string{"create_server"}, Times: 1},
		"out of stock":     {OutOfStock: []string{"cpx32"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := home(t)
			k := startTalk(t, dir)
			approval := toApproval(k)
			cloud, ok := proc.Find(filepath.Join(dir, "cloud"))
			if !ok {
				t.Fatal("the simulated cloud does not run")
			}
			if err := cloud.SetFaults(t.Context(), broken); err != nil {
				t.Fatal(err)
			}
			k.press(approval.ID, "approve")
			k.status("failed")
			ended := k.card("the card about the end", func(c card.Card) bool { return c.Kind == card.KindError && strings.HasPrefix(c.ID, "ended-") })
			if !strings.Contains(ended.Text, "Try again") || !strings.Contains(ended.Text, "simulated cloud") {
				t.Errorf("the card says %q", ended.Text)
			}
			if name == "out of stock" && (!strings.Contains(ended.Text, "cpx32 is out of stock in Helsinki (hel1)") || !strings.Contains(ended.Text, "The nearest is cpx42") || strings.Contains(ended.Text, "not known")) {
				t.Errorf("the card says %q", ended.Text)
			}
			if err := cloud.SetFaults(t.Context(), proc.Faults{}); err != nil {
				t.Fatal(err)
			}
			k.press(ended.ID, "retry")
			k.answered()
			next, ok := k.shown(card.KindApproval)
			if !ok || next.ID == approval.ID {
				t.Fatalf("no new approval is asked:\n%s", k.story())
			}
			var asked card.ApprovalData
			if err := next.Decode(&asked); err != nil {
				t.Fatal(err)
			}
			value := "approve"
			if asked.Destructive { // the broken server makes room for its successor
				value += ":" + asked.SovereignFQDN
			}
			k.press(next.ID, value)
			k.status("ready")
			k.finish()
			replacedOnce(t, dir)
		})
	}
}

// card waits for a card that fits.
func (k *talk) card(what string, fits func(card.Card) bool) card.Card {
	k.t.Helper()
	var d struct{ Card card.Card }
	is := func(e journal.Event) bool {
		return e.Type == "conversation.card.shown" && e.Decode(&d) == nil && fits(d.Card)
	}
	for _, e := range k.seen {
		if is(e) {
			return d.Card
		}
	}
	k.until(what, is)
	return d.Card
}

// replacedOnce reads the cloud's request log: what has a name was made once more
// than it was removed, so that nothing is there twice.
func replacedOnce(t *testing.T, dir string) {
	t.Helper()
	made, removed := map[string]int{}, 0
	for _, r := range cloudRequests(t, dir) {
		switch {
		case r.Method == http.MethodPost && r.Status == http.StatusCreated && r.Name != "" && strings.Count(r.Path, "/") == 2:
			made[r.Path+" "+r.Name]++
		case r.Method == http.MethodDelete && r.Status < 300:
			removed++
		}
	}
	twice := 0
	for _, n := range made {
		twice += n - 1
	}
	if len(made) < 8 || twice != removed || removed > 1 {
		t.Errorf("%d things were made again and %d removed: %v", twice, removed, made)
	}
}

// A size that is sold out is found before the plan: the answer names it and the
// nearest that can be had, and with that one it goes on.
func TestOutOfStockAtThePlan(t *testing.T) {
	needTofu(t)
	k := startTalk(t, home(t), "--out-of-stock", "cpx32")
	k.answered()
	k.say("Hi, we are Al Noor Dental Clinic in Muscat, 12 people. Patients should book online and we want to share files.")
	k.answered()
	k.say("founder@alnoor.example")
	answer := k.answered()
	if c, ok := k.shown(card.KindSecret); ok && !strings.Contains(answer, "cpx32 is out of stock") {
		k.press(c.ID, "simulated")
		answer = k.answered()
	} else if !strings.Contains(answer, "cpx32 is out of stock") {
		k.say("yes, go ahead")
		answer = k.answered()
	}
	if !strings.Contains(answer, "cpx32 is out of stock in Helsinki (hel1)") || !strings.Contains(answer, "The nearest is cpx42") {
		t.Fatalf("the answer is %q", answer)
	}
	if _, ok := k.shown(card.KindApproval); ok {
		t.Error("an approval is asked for what cannot be had")
	}
	k.say("Use cpx42 for the workers and make the plan")
	answer = k.answered()
	if _, ok := k.shown(card.KindApproval); !ok {
		k.say("yes, go ahead")
		answer = k.answered()
	}
	if _, ok := k.shown(card.KindApproval); !ok {
		t.Errorf("no approval is asked; the answer is %q", answer)
	}
	k.finish()
}
