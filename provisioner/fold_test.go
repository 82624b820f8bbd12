package provisioner_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/run"
)

// history is everything that happened to a deployment that came up.
func history(t *testing.T) []journal.Event {
	t.Helper()
	r := newRig(t, provisioner.Simulated)
	d := r.watching()
	r.cluster.set("installed", releases(d)...)
	r.until(d.ID, is(provisioner.StatusReady))
	events, err := r.options.Journal.Load(t.Context(), "deployment."+d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// TestFold: any prefix folds, folding in two parts or with repetitions is the
// same, and a fold never changes what was folded before.
func TestFold(t *testing.T) {
	t.Parallel()
	events := history(t)
	whole, err := provisioner.FoldDeployment(events)
	if err != nil || whole.Status != provisioner.StatusReady || whole.Seq != events[len(events)-1].Seq {
		t.Fatalf("%s at %d, %v", whole.Status, whole.Seq, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		prefix, err := provisioner.FoldDeployment(events[:cut])
		if err != nil {
			t.Fatal(err)
		}
		before := asJSON(t, prefix)
		// The prefix again and then everything: what was folded is skipped.
		again, err := provisioner.FoldDeployment(append(append([]journal.Event{}, events[:cut]...), events...))
		if err != nil || !reflect.DeepEqual(again, whole) {
			t.Fatalf("folding %d events twice changed the deployment: %v", cut, err)
		}
		if asJSON(t, prefix) != before {
			t.Fatal("a later fold changed an earlier one")
		}
		unknown := journal.New("deployment.invented.later", map[string]int{"x": 1})
		with, err := provisioner.FoldDeployment(append(append([]journal.Event{}, events[:cut]...), unknown))
		if err != nil || asJSON(t, with) != before {
			t.Fatalf("an unknown event changed the deployment: %v", err)
		}
	})
}

// TestFoldOfErasedHistory: after the owner's key was destroyed, what was sealed
// reads as erased, and the rest still folds.
func TestFoldOfErasedHistory(t *testing.T) {
	t.Parallel()
	events := history(t)
	for i := range events {
		if events[i].Metadata.Person != "" {
			events[i].Data = json.RawMessage(`{"erased":true}`)
		}
	}
	d, err := provisioner.FoldDeployment(events)
	if err != nil || d.Status != provisioner.StatusReady || d.Spec.OrgEmail != "" || d.Owner.Email != "" {
		t.Errorf("%s, %q, %v", d.Status, d.Spec.OrgEmail, err)
	}
}

// TestPersonalContentIsSealed: nothing that says who the person is stands in the
// open part of an event.
func TestPersonalContentIsSealed(t *testing.T) {
	t.Parallel()
	for _, e := range history(t) {
		if e.Metadata.Person != "" {
			e.Data = nil
		}
		if raw := asJSON(t, e); strings.Contains(strings.ToLower(raw), "owner@clinic.example") {
			t.Errorf("%s: %s", e.Type, raw)
		}
	}
}

// TestRecordsBecomeEventsOnce: however a run's stream is cut by crashes, each of
// its records is told once.
func TestRecordsBecomeEventsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	d := r.running()
	for i := range 6 {
		address := "hcloud_volume.v" + string(rune('0'+i))
		r.engine.say(d.ID, "r1", "apply_complete", address)
		if i%2 == 0 {
			r.until(d.ID, func(d provisioner.Deployment) bool { return state(d, address) == "succeeded" })
		}
		r.crash()
		r.start()
	}
	r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
	r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
	events, err := r.options.Journal.Load(t.Context(), "deployment."+d.ID)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, e := range events {
		var data struct{ Resource provisioner.Resource }
		if e.Type == "deployment.resource.changed" && e.Metadata.EffectKey != "" && e.Decode(&data) == nil {
			told[e.Metadata.EffectKey+" "+data.Resource.Address]++
		}
	}
	if len(told) != 7 {
		t.Errorf("%d records became events, want 7", len(told))
	}
	for what, n := range told {
		if n != 1 {
			t.Errorf("told %d times: %s", n, what)
		}
	}
}

// FuzzFold: the data of events is JSON that may come from another version; any
// of it folds or is refused, and never panics.
func FuzzFold(f *testing.F) {
	f.Add("deployment.created", []byte(`{"spec":{"apps":[]},"cloud":"simulated"}`))
	f.Add("deployment.approval.granted", []byte(`{"digest":"x"}`))
	f.Add("deployment.run.ended", []byte(`{"run":"r9"}`))
	f.Add("deployment.release.changed", []byte(`{"release":{"name":null}}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		d, err := provisioner.FoldDeployment([]journal.Event{
			{Type: kind, Data: data, Seq: 1, Aggregate: "deployment.0123456789abcdef", Timestamp: time.Unix(0, 0)},
		})
		if err == nil {
			provisioner.ProgressCards(d)
			provisioner.PlanCards(d)
		}
		_, _ = provisioner.FoldDraft([]journal.Event{{Type: kind, Data: data, Seq: 1}})
	})
}

func asJSON(t interface{ Fatal(...any) }, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
