package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
)

// mute never answers.
type mute struct{}

func (mute) Name() string { return "mute" }

func (mute) Respond(ctx context.Context, _ conversation.Request, _ func(string)) (conversation.Response, error) {
	<-ctx.Done()
	return conversation.Response{}, ctx.Err()
}

// busy is a concierge with one conversation that several writers write to.
type busy struct {
	t       *testing.T
	console console
	journal *journal.Journal
	url     string
	id, dep string
}

// theEnd is the last card that a busy conversation shows.
const theEnd = "the-end"

func newBusy(t *testing.T, change func(*web.Options)) *busy {
	t.Helper()
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	service, cat := newProvisioner(t, j, keys)
	conversations, err := conversation.New(conversation.Options{
		Journal: j, Models: []conversation.Model{mute{}},
		Toolbox: func(context.Context, string, journal.Actor) (conversation.Toolbox, error) {
			return nil, context.Canceled
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conversations.Close() })
	b := &busy{t: t, journal: j, id: "busy-conversation", dep: "0123456789abcdef"}
	if _, err := conversations.Create(t.Context(), owner, conversation.CreateOptions{ID: b.id, Channel: "web", Language: "en"}); err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, func(o *web.Options) {
		o.Mode, o.Provisioner, o.Conversations, o.Journal, o.Catalogue = web.Concierge, service, conversations, j, cat
		if change != nil {
			change(o)
		}
	})
	b.console = c
	server := httptest.NewServer(c.LocalHandler())
	t.Cleanup(server.Close)
	b.url = server.URL + "/api/v1/conversations/" + b.id
	return b
}

// load gives an aggregate's events.
func (b *busy) load(aggregate string) []journal.Event {
	b.t.Helper()
	events, err := b.journal.Load(context.WithoutCancel(b.t.Context()), aggregate)
	if err != nil {
		b.t.Fatal(err)
	}
	return events
}

// all gives every event of the conversation, its draft and its deployment in order.
func (b *busy) all() []journal.Event {
	b.t.Helper()
	all := slices.Concat(b.load("conversation."+b.id), b.load("draft."+b.id), b.load("deployment."+b.dep))
	slices.SortFunc(all, func(x, y journal.Event) int { return int(int64(x.Seq) - int64(y.Seq)) })
	return all
}

// appender appends to one aggregate, one event after the other.
func (b *busy) appender(aggregate string) func(journal.Event) {
	events := b.load(aggregate)
	var last uint64
	if len(events) > 0 {
		last = events[len(events)-1].Seq
	}
	return func(e journal.Event) {
		stored, err := b.journal.Append(context.WithoutCancel(b.t.Context()), aggregate, last, e.By(owner))
		if err != nil {
			b.t.Error(err)
			return
		}
		last = stored[0].Seq
	}
}

func note(id string) journal.Event {
	return journal.New("conversation.card.shown", conversation.CardShown{Card: card.New(id, card.KindNotice, "Note", "note "+id, card.NoticeData{Level: "info"})})
}

// story is a deployment from its creation to the open door, in n steps or a few
// more.
func story(n int) []journal.Event {
	status := func(s provisioner.Status) journal.Event {
		return journal.New("deployment.status.changed", map[string]any{"status": s})
	}
	line := func(i int) journal.Event {
		return journal.New("deployment.logged", map[string]any{"line": provisioner.LogLine{Phase: "tofu", Level: "info", Message: fmt.Sprint(i)}})
	}
	release := func(i int, state string) journal.Event {
		name := fmt.Sprintf("bp-%d", i)
		return journal.New("deployment.release.changed", map[string]any{"release": provisioner.Release{Name: name, Label: name, State: state, DependsOn: []string{}}})
	}
	expires := time.Now().Add(time.Hour)
	decision := map[string]any{"cardId": "approval-x", "digest": "x", "expiresAt": expires}
	events := []journal.Event{
		journal.New("deployment.created", map[string]any{"draftId": "busy-conversation", "conversationId": "busy-conversation", "owner": owner, "cloud": provisioner.Simulated, "spec": provisioner.Spec{SovereignFQDN: "omantel.omani.works"}}),
		journal.New("deployment.planned", map[string]any{"plan": provisioner.Plan{Digest: "x"}, "releases": []provisioner.Release{}}),
		journal.New("deployment.approval.requested", decision),
		status(provisioner.StatusAwaitingApproval),
		journal.New("deployment.approval.granted", decision),
		status(provisioner.StatusPending), status(provisioner.StatusProvisioning), status(provisioner.StatusTofuApplying),
		status(provisioner.StatusFluxBootstrapping), status(provisioner.StatusPhase1Watching),
	}
	for i := 0; len(events) < n; i++ {
		events = append(events, line(i), release(i, "installing"), release(i, "installed"))
	}
	return append(events, status(provisioner.StatusReady))
}

// write lets three writers write about n events each at the same time, and at the
// end the last card. The deployment is linked before its first event, as the
// provisioner does it, or late, when much of it has happened.
func (b *busy) write(n int, late bool) {
	var writers sync.WaitGroup
	talk := b.appender("conversation." + b.id)
	link := journal.New("conversation.deployment.linked", conversation.DeploymentLinked{DeploymentID: b.dep})
	begun := make(chan struct{})
	if !late {
		talk(link)
	}
	writers.Go(func() {
		for i := range n {
			if i == n/2 && late {
				<-begun
				talk(link)
			}
			talk(note(fmt.Sprintf("note-%d", i)))
		}
	})
	writers.Go(func() {
		change := b.appender("draft." + b.id)
		for i := range n {
			change(journal.New("conversation.draft.changed", map[string]any{
				"draftId": b.id, "owner": owner, "cloud": provisioner.Simulated, "spec": provisioner.Spec{OrgName: fmt.Sprintf("Clinic %d", i)},
			}))
		}
	})
	writers.Go(func() {
		act := b.appender("deployment." + b.dep)
		for i, e := range story(n) {
			if i == n/4 {
				close(begun)
			}
			act(e)
		}
	})
	writers.Wait()
	talk(note(theEnd))
}
