package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
)

// TestSnapshotAndRestore: a snapshot that is made while others append is the
// journal of one moment, with its sequences, its claims and what is sealed.
func TestSnapshotAndRestore(t *testing.T) {
	t.Parallel()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := openIn(t, filepath.Join(t.TempDir(), "journal"), v)
	last := must(t, j, "conversation.before", 0, said(200)...)
	last = must(t, j, "conversation.before", last, journal.New("conversation.said", note{Text: "layla's secret word"}).Of("layla"))
	if err := j.Claim(t.Context(), "subdomain", "omantel", nil); err != nil {
		t.Fatal(err)
	}
	epoch := func(j *journal.Journal) uint64 {
		l, err := j.Lease(t.Context(), "turn.x", 2e9)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Release(t.Context()) }()
		return l.Epoch
	}
	before := epoch(j)
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		writers.Go(func() {
			for n, seq := 0, uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
					seq = must(t, j, fmt.Sprintf("conversation.busy%d", i), seq, said(2)...)
				}
			}
		})
	}
	files := t.TempDir()
	if err := j.Snapshot(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	close(stop)
	writers.Wait()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := journal.Restore(t.Context(), files, journal.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	again := openIn(t, dir, v)
	events, err := again.Load(t.Context(), "conversation.before")
	if err != nil || len(events) != 201 || events[200].Seq != last {
		t.Fatalf("%d events, %v", len(events), err)
	}
	var d note
	if events[200].Decode(&d) != nil || d.Text != "layla's secret word" {
		t.Errorf("what was sealed reads %q", d.Text)
	}
	wantCode(t, again.Claim(t.Context(), "subdomain", "omantel", nil), fault.Conflict)
	for i := range 3 { // no batch is there by half
		events, err := again.Load(t.Context(), fmt.Sprintf("conversation.busy%d", i))
		if err != nil || len(events)%2 != 0 {
			t.Errorf("%d events of pairs, %v", len(events), err)
		}
	}
	must(t, again, "conversation.before", last, said(1)...)
	if after := epoch(again); after <= before {
		t.Errorf("the epoch went from %d to %d", before, after)
	}
	wantCode(t, journal.Restore(t.Context(), files, journal.Options{Dir: dir}), fault.Conflict)
}

func TestRestoreOfRubbish(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	for _, name := range []string{"SANDBOX", "KV_SANDBOX_LEASES"} {
		if err := os.WriteFile(filepath.Join(files, name+".json"), []byte(`{"config":{"name":"`+name+`"},"state":{}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name+".snapshot"), []byte("not a snapshot"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, journal.Restore(t.Context(), files, journal.Options{Dir: filepath.Join(t.TempDir(), "journal")}), fault.Invalid)
}
