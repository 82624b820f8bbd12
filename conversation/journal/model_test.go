package journal_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Two writers, each with what it last saw, append at random: the journal is
// always the same as a list to which only the writer who is up to date adds.
func TestJournalIsASequentialLog(t *testing.T) {
	j := open(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		names := []string{fmt.Sprintf("conversation.r%d", run), fmt.Sprintf("draft.r%d", run)}
		start, err := j.Head(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		log := map[string][]journal.Event{} // the model
		var all []journal.Event
		lastOf := func(name string) uint64 {
			if n := len(log[name]); n > 0 {
				return log[name][n-1].Seq
			}
			return 0
		}
		seen := [2]map[string]uint64{{}, {}} // what each writer knows
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			writer := rapid.IntRange(0, 1).Draw(rt, "writer")
			name := rapid.SampledFrom(names).Draw(rt, "aggregate")
			if rapid.IntRange(0, 2).Draw(rt, "reads") == 0 {
				events, err := j.Load(t.Context(), name)
				if err != nil {
					rt.Fatal(err)
				}
				wantSame(rt, events, log[name])
				seen[writer][name] = lastOf(name)
				continue
			}
			events := said(rapid.IntRange(1, 3).Draw(rt, "events"))
			stored, err := j.Append(t.Context(), name, seen[writer][name], events...)
			if seen[writer][name] != lastOf(name) {
				if fault.CodeOf(err) != fault.Conflict {
					rt.Fatalf("a writer who was behind got %v", err)
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			log[name] = append(log[name], stored...)
			all = append(all, stored...)
			seen[writer][name] = lastOf(name)
		}
		from := start
		i := 0
		if len(all) > 0 {
			if i = rapid.IntRange(0, len(all)).Draw(rt, "from"); i > 0 {
				from = all[i-1].Seq
			}
		}
		wantSame(rt, take(t, j, from, names, len(all)-i), all[i:])
		only := slices.DeleteFunc(slices.Clone(all[i:]), func(e journal.Event) bool { return e.Aggregate != names[0] })
		wantSame(rt, take(t, j, from, names[:1], len(only)), only)
	})
}

func wantSame(t *rapid.T, got, want []journal.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events instead of %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.ID != w.ID || g.Seq != w.Seq || g.Aggregate != w.Aggregate || string(g.Data) != string(w.Data) || !g.Timestamp.Equal(w.Timestamp) {
			t.Fatalf("event %d is %+v instead of %+v", i, g, w)
		}
	}
}
