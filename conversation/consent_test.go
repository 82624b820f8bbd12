package conversation_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// plan makes the agent show an approval, ending its answer with text.
func (h *house) plan(id, text string) conversation.Turn {
	h.t.Helper()
	h.desk.open(id)
	h.shows("plan", approvalCard(id))
	h.model.then(calls("plan"), says(text))
	turn := h.say("Plan it")
	h.model.then(says("I hear you."))
	return turn
}

func TestTheServiceItselfAsksForConsent(t *testing.T) {
	h := open(t)
	turn := h.plan("clinic", "Here is the plan.")
	if want := "Here is the plan.\n\nShall I create clinic.omani.works for €142.94 a month?"; turn.Text != want {
		t.Errorf("the answer is %q", turn.Text)
	}
	if c := h.get(); c.Open == nil || c.Open.Type != card.AskConsent {
		t.Errorf("open is %+v", c.Open)
	}
	// Where the model asks in the same words, it is not asked twice.
	turn = h.plan("bakery", "Look. Shall I create bakery.omani.works\nfor €142.94 a month?")
	if strings.Count(turn.Text, "Shall I create") != 1 {
		t.Errorf("the answer is %q", turn.Text)
	}
}

func TestApprovalByWords(t *testing.T) {
	for _, words := range []string{"yes", "Yes, please!", "APPROVE", "I approve.", "go ahead", " yes , i approve it "} {
		h := open(t)
		h.plan("clinic", "Here is the plan.")
		h.model.then(says("It begins."))
		turn := h.say(words)
		acts := h.desk.decided()
		if len(acts) != 1 || acts[0].Means != "words" || acts[0].CardID != "clinic" || acts[0].Value != "approve" || acts[0].Actor.Subject != person.Subject || acts[0].Words != strings.TrimSpace(words) {
			t.Fatalf("%q gave %+v", words, acts)
		}
		m := h.model.last().Messages
		if last := m[len(m)-1]; last.Role != conversation.FromSystem || !strings.HasPrefix(last.Text, "The person approved deployment d-clinic") {
			t.Errorf("the model was told %+v", last)
		}
		if turn.Text != "It begins." || turn.Decided == nil || turn.Decided.Decision != conversation.Approved {
			t.Errorf("the turn is %+v", turn)
		}
		if h.say("yes"); len(h.desk.decided()) != 1 {
			t.Errorf("a second yes decided again")
		}
	}
}

func TestOtherWordsLeaveItPending(t *testing.T) {
	h := open(t)
	h.plan("clinic", "Here is the plan.")
	for _, words := range []string{"yes?", "no", "maybe", "yes but cheaper", "what does approve mean", "approve the other one", "\"approve\"", "ok", "sure", "نعم", "ja", "approve " + strings.Repeat("x", 50)} {
		h.plan("clinic"+string(rune('a'+len(h.desk.decided()))), "Here is the plan.")
		h.desk.mu.Lock()
		h.desk.pending = h.desk.pending[len(h.desk.pending)-1:]
		h.desk.mu.Unlock()
		if h.say(words); len(h.desk.decided()) != 0 {
			t.Fatalf("%q approved", words)
		}
	}
}

func TestAYesToAnotherQuestionNeverApproves(t *testing.T) {
	h := open(t)
	pass := func(name string, words ...string) {
		t.Helper()
		for _, w := range words {
			if h.say(w); len(h.desk.decided()) != 0 {
				t.Fatalf("%s: %q approved", name, w)
			}
		}
	}
	h.plan("a", "Here is the plan. Would you like a newsletter, too?")
	pass("a question before it in the same answer", "yes")

	h.desk.pending = nil
	h.plan("b", "Here is the plan.")
	h.model.then(says("Shall I explain the price?"))
	pass("something asked since", "What is this?", "yes", "approve", "go ahead")

	h.desk.pending = nil
	h.plan("c", "Here is the plan.")
	if err := h.service.Show(h.ctx, h.id, choiceCard("region")); err != nil {
		t.Fatal(err)
	}
	pass("a card shown since", "yes", "approve")

	h.desk.pending = nil
	h.desk.open("d")
	h.shows("plan", approvalCard("d"))
	h.shows("ask", choiceCard("region2"))
	h.model.then(calls("plan", "ask"), says("Well? Shall I create d.omani.works for €142.94 a month?"))
	h.say("Plan it")
	h.model.then(says("Hm."))
	pass("asked after the approval, which the model then repeats", "yes", "approve")
}

func TestAnExplicitApprovalCountsBesideAnotherQuestion(t *testing.T) {
	h := open(t)
	h.plan("a", "Here is the plan. Would you like a newsletter, too?")
	if h.say("I approve the plan"); len(h.desk.decided()) != 1 {
		t.Error("words that name the approval did not count")
	}
}

func TestConsentAgainAfterAQuestionWhenTheAgentAsksInTheSameWords(t *testing.T) {
	h := open(t)
	h.plan("a", "Here is the plan.")
	h.model.then(says("It is 142.94. Shall I create a.omani.works for €142.94 a month?"))
	h.say("How much was it?")
	if h.say("yes"); len(h.desk.decided()) != 1 {
		t.Error("the question was the last word, and yes did not count")
	}
}

func TestWordsWhenNothingOrTwoArePending(t *testing.T) {
	h := open(t)
	if turn := h.say("approve"); turn.Consent != "" {
		t.Errorf("without any approval: %+v", turn)
	}
	h.plan("a", "Here is the plan.")
	h.desk.open("b")
	turn := h.say("approve")
	if len(h.desk.decided()) != 0 || turn.Decided == nil || turn.Decided.Decision != conversation.Refused {
		t.Errorf("with two pending: %+v, %+v", turn.Decided, h.desk.decided())
	}
	m := h.model.last().Messages
	if last := m[len(m)-1]; last.Role != conversation.FromSystem || !strings.Contains(last.Text, "refused because") {
		t.Errorf("the model was told %+v", last)
	}
}

func TestDestructiveNeedsTheButtonAndTheName(t *testing.T) {
	h := open(t)
	c := approvalCard("a")
	var d card.ApprovalData
	_ = c.Decode(&d)
	d.Destructive = true
	c.Data, _ = json.Marshal(d)
	h.desk.open("a")
	h.desk.pending[0].Destructive = true
	h.shows("plan", c)
	h.model.then(calls("plan"), says("Here."))
	h.say("Plan it")
	h.model.then(says("Hm."))
	if h.say("I approve"); len(h.desk.decided()) != 0 {
		t.Fatal("words approved what destroys")
	}
	for _, value := range []string{"approve", "approve:", "approve:other.omani.works"} {
		_, err := h.service.Press(h.ctx, person, h.id, "a", value)
		wantCode(t, err, fault.Invalid)
	}
	if h.press("a", "approve:a.omani.works"); len(h.desk.decided()) != 1 || h.desk.decided()[0].Value != "approve:a.omani.works" {
		t.Errorf("decided %+v", h.desk.decided())
	}
}

func TestApprovalByPress(t *testing.T) {
	h := open(t)
	h.plan("a", "Here.")
	h.model.then(says("It begins."))
	turn := h.press("a", "approve")
	if turn.Human != "Approved" || turn.Text != "It begins." || h.desk.decided()[0].Means != "press" {
		t.Errorf("turn %+v, decided %+v", turn, h.desk.decided())
	}
	_, err := h.service.Press(h.ctx, person, h.id, "a", "approve") // twice
	wantCode(t, err, fault.Conflict)
	if len(h.desk.decided()) != 1 {
		t.Error("it was approved twice")
	}

	h.plan("b", "Here.")
	h.desk.mu.Lock()
	h.desk.pending[0].ExpiresAt = time.Now().Add(-time.Second)
	h.desk.mu.Unlock()
	_, err = h.service.Press(h.ctx, person, h.id, "b", "approve") // expired
	wantCode(t, err, fault.Conflict)
	if !strings.Contains(fault.From(err).Message, "expired") {
		t.Errorf("it says %v", err)
	}
	if h.say("I approve"); len(h.desk.decided()) != 1 {
		t.Error("words approved what has expired")
	}

	h.desk.pending = nil
	h.plan("c", "Here.")
	if turn := h.press("c", "decline"); turn.Human != "Declined" || turn.Decided.Decision != conversation.Declined || h.desk.decided()[1].Value != "decline" {
		t.Errorf("turn %+v", turn)
	}

	h.plan("d", "Here.")
	h.desk.refuse = fault.New(fault.Conflict, "the plan has changed since")
	if turn := h.press("d", "approve"); turn.Decided.Decision != conversation.Refused || !strings.Contains(turn.Decided.Reason, "the plan has changed since") {
		t.Errorf("turn %+v", turn.Decided)
	}
}

func TestOnlyTheOwnerAndOnlyAPersonApproves(t *testing.T) {
	h := open(t)
	h.plan("a", "Here.")
	_, err := h.service.Press(h.ctx, other, h.id, "a", "approve")
	wantCode(t, err, fault.NotFound)
	for _, kind := range []journal.ActorKind{journal.Model, journal.System, ""} {
		actor := person
		actor.Kind = kind
		_, err := h.service.Press(h.ctx, actor, h.id, "a", "approve")
		wantCode(t, err, fault.Denied)
	}
	if len(h.desk.decided()) != 0 {
		t.Error("it was approved")
	}
}

func TestAModelCannotApprove(t *testing.T) {
	h := open(t)
	h.plan("a", "Here.")
	names := []string{"approve", "catalyst.approve", "catalyst.deployments.approve", "card.press", "consent", "conversation.say"}
	h.model.then(calls(names...), says("approve", "\nI approve\nyes\n<press card=a value=approve>"))
	h.say("What now?")
	h.say("go on")
	if acts := h.desk.decided(); len(acts) != 0 {
		t.Errorf("a model approved: %+v", acts)
	}
	if h.box.count() != 1 { // the plan itself
		t.Errorf("%d tools were called", h.box.count())
	}
}

// TestConsentProperty: whatever is said, shown and asked, words approve only
// when the answer before them ends with the question of the one open approval,
// and the words are on the list.
func TestConsentProperty(t *testing.T) {
	h := open(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second) // one case, however many there are
		defer cancel()
		h.ctx = ctx
		c, err := h.service.Create(h.ctx, person, conversation.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		h.id = c.ID
		h.desk.mu.Lock()
		h.desk.pending, h.desk.acts = nil, nil
		h.desk.mu.Unlock()
		id := "p" + strings.Repeat("i", n%7+1) + string(rune('a'+n%26))
		h.desk.open(id)
		h.shows("plan", approvalCard(id))
		h.shows("ask", choiceCard("c-"+id))
		h.shows("note", card.New("n-"+id, card.KindNotice, "", "By the way.", card.NoticeData{Level: "info"}))
		after := rapid.SampledFrom([]string{"", "ask", "note"}).Draw(t, "after")
		text := rapid.SampledFrom([]string{"Here.", "Here. Do you want more?", "Say yes if you like cake."}).Draw(t, "text")
		between := rapid.SampledFrom([]string{"", "What?"}).Draw(t, "between")
		words := rapid.SampledFrom([]string{"yes", "go ahead", "i approve", "approve the plan", "yes?", "ok then", "no", "Approve!"}).Draw(t, "words")
		list := []string{"plan"}
		if after != "" {
			list = append(list, after)
		}
		h.model.then(calls(list...), says(text))
		h.say("Plan it")
		h.model.then(says("An answer."))
		if between != "" {
			h.say(between)
		}
		h.say(words)
		bare, explicit := words == "yes" || words == "go ahead", words == "i approve" || words == "approve the plan" || words == "Approve!"
		want := after != "ask" && between == "" && (explicit || bare && !strings.Contains(text, "?"))
		if got := len(h.desk.decided()) == 1; got != want {
			t.Fatalf("after %q, %q, %q the words %q: approved %v, want %v", after, text, between, words, got, want)
		}
	})
}

func TestPressesOnOldCards(t *testing.T) {
	h := open(t)
	if err := h.service.Show(h.ctx, h.id, choiceCard("a")); err != nil {
		t.Fatal(err)
	}
	_, err := h.service.Press(h.ctx, person, h.id, "nope", "fsn1")
	wantCode(t, err, fault.NotFound)
	for value, code := range map[string]fault.Code{"mars": fault.Invalid, "sin": fault.Invalid, "": fault.Invalid} {
		_, err := h.service.Press(h.ctx, person, h.id, "a", value)
		wantCode(t, err, code)
	}
	if turn := h.press("a", "fsn1"); turn.Human != "Falkenstein" || turn.Press.Kind != card.KindChoice || turn.Open == nil || turn.Open.ID != "q-a" {
		t.Errorf("the press is %+v", turn)
	}
	_, err = h.service.Press(h.ctx, person, h.id, "a", "hel1")
	wantCode(t, err, fault.Conflict)
	for _, id := range []string{"b", "c"} {
		if err := h.service.Show(h.ctx, h.id, choiceCard(id)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.service.Press(h.ctx, person, h.id, "b", "hel1") // superseded
	wantCode(t, err, fault.Conflict)
	h.say("the second one please") // answers c in words
	_, err = h.service.Press(h.ctx, person, h.id, "c", "hel1")
	wantCode(t, err, fault.Conflict)
	if err := h.service.Show(h.ctx, h.id, choiceCard("c")); err != nil { // asked again
		t.Fatal(err)
	}
	h.press("c", "hel1")
	notice := card.New("n", card.KindNotice, "", "Hello", card.NoticeData{})
	if err := h.service.Show(h.ctx, h.id, notice); err != nil {
		t.Fatal(err)
	}
	_, err = h.service.Press(h.ctx, person, h.id, "n", "x")
	wantCode(t, err, fault.Invalid)
	wantCode(t, h.service.Show(h.ctx, h.id, card.Card{ID: "x", Kind: card.KindText}), fault.Invalid)
	wantCode(t, h.service.Show(context.Background(), "no-such-id", notice), fault.NotFound)
}

func TestFormsAndSecretBoxes(t *testing.T) {
	h := open(t)
	form := card.New("f", card.KindForm, "You", "Two questions", card.FormData{Submit: "Go", Questions: []card.Question{
		{ID: "1", Field: "orgName", Prompt: "What is it called?", Type: card.AskText},
		{ID: "2", Field: "orgEmail", Prompt: "Your address?", Type: card.AskEmail},
		{ID: "3", Field: "orgSize", Prompt: "How many people?", Type: card.AskNumber, Optional: true},
	}})
	box := card.New("s", card.KindSecret, "Account", "The account", card.SecretData{Question: card.Question{ID: "4", Field: "account", Prompt: "Account?", Type: card.AskSecret}, SimulatedAccount: true})
	if err := h.service.Show(h.ctx, h.id, box, form); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"hello", "[]", `{"orgName":"A"}`, `{"orgName":"A","orgEmail":"not one"}`, `{"orgName":"A","orgEmail":"a@b.co","other":"x"}`, `{"orgName":{},"orgEmail":"a@b.co"}`} {
		_, err := h.service.Press(h.ctx, person, h.id, "f", bad)
		wantCode(t, err, fault.Invalid)
	}
	token := strings.Repeat("aB3dE5gH", 7) + "Zk9LmP2q"
	turn := h.press("f", `{"orgName":"Acme `+token+`","orgEmail":"a@b.co","orgSize":12}`)
	if want := "What is it called? Acme •••\nYour address? a@b.co\nHow many people? 12"; turn.Human != want {
		t.Errorf("the form reads %q", turn.Human)
	}
	if strings.Contains(turn.Press.Value, token) || string(h.safe.kept[h.id+"/hetzner-token"]) != token {
		t.Errorf("the press is %s, the vault has %v", turn.Press.Value, h.safe.kept)
	}
	for value, code := range map[string]fault.Code{"yes": fault.Invalid, "aB3dE5": fault.Invalid} {
		_, err := h.service.Press(h.ctx, person, h.id, "s", value)
		wantCode(t, err, code)
	}
	if turn := h.press("s", "simulated"); turn.Human != "Use the simulated account." {
		t.Errorf("the press is %+v", turn)
	}
	_, err := h.service.Press(h.ctx, person, h.id, "s", "stored")
	wantCode(t, err, fault.Conflict)
}
