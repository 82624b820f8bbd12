package journal_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

func TestClaim(t *testing.T) {
	j := open(t)
	ctx := t.Context()
	if _, taken, err := j.Claimed(ctx, "subdomain", "clinic"); taken || err != nil {
		t.Fatalf("taken %v, %v", taken, err)
	}
	for round := range 3 {
		if err := j.Claim(ctx, "subdomain", "clinic", map[string]int{"round": round}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, j.Claim(ctx, "subdomain", "clinic", nil), fault.Conflict)
		if err := j.Claim(ctx, "email", "clinic", nil); round == 0 && err != nil {
			t.Fatalf("another noun is in the way: %v", err)
		}
		data, taken, err := j.Claimed(ctx, "subdomain", "clinic")
		if want := `{"round":` + string(rune('0'+round)) + `}`; !taken || err != nil || string(data) != want {
			t.Fatalf("got %s, %v, %v", data, taken, err)
		}
		for range 2 {
			if err := j.Release(ctx, "subdomain", "clinic"); err != nil {
				t.Fatal(err)
			}
		}
		if _, taken, _ := j.Claimed(ctx, "subdomain", "clinic"); taken {
			t.Fatal("a released claim is taken")
		}
	}
	wantCode(t, j.Claim(ctx, "subdomain", "", nil), fault.Invalid)
	wantCode(t, j.Claim(ctx, "sub.domain", "x", nil), fault.Invalid)
}

func TestOneOfManyClaims(t *testing.T) {
	j := open(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch err := j.Claim(t.Context(), "email", "someone@example.org", nil); fault.CodeOf(err) {
			case "":
				won.Add(1)
			case fault.Conflict:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d claims won", won.Load())
	}
}

func TestLease(t *testing.T) {
	j := open(t)
	ctx := t.Context()
	var epoch uint64
	for range 3 {
		l, err := j.Lease(ctx, "turn.a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if l.Epoch <= epoch {
			t.Fatalf("epoch %d after %d", l.Epoch, epoch)
		}
		epoch = l.Epoch
		_, err = j.Lease(ctx, "turn.a", time.Minute)
		wantCode(t, err, fault.Conflict)
		for range 3 {
			if err := l.Renew(ctx); err != nil {
				t.Fatal(err)
			}
		}
		_, err = j.Lease(ctx, "turn.a", time.Minute)
		wantCode(t, err, fault.Conflict)
		for range 2 {
			if err := l.Release(ctx); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, l.Renew(ctx), fault.Conflict)
	}
	_, err := j.Lease(ctx, "turn.*", time.Minute)
	wantCode(t, err, fault.Invalid)
}

// A lease that runs out goes to the next one, and its former holder learns so.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	j := open(t)
	first, err := j.Lease(t.Context(), "turn.a", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	second := waitForLease(t, j, "turn.a")
	if second.Epoch <= first.Epoch {
		t.Fatalf("epoch %d after %d", second.Epoch, first.Epoch)
	}
	wantCode(t, first.Renew(t.Context()), fault.Conflict)
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = j.Lease(t.Context(), "turn.a", time.Second)
	wantCode(t, err, fault.Conflict) // the release was of a lease that had ended
}

func waitForLease(t *testing.T, j *journal.Journal, name string) *journal.Lease {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		l, err := j.Lease(t.Context(), name, time.Minute)
		if err == nil {
			return l
		}
		wantCode(t, err, fault.Conflict)
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the lease never ran out")
		}
	}
}

// After a restart nobody of before is there any more, and epochs still grow.
func TestLeasesEndWithTheProcess(t *testing.T) {
	dir := t.TempDir()
	j := openIn(t, dir, nil)
	first, err := j.Lease(t.Context(), "turn.a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openIn(t, dir, nil)
	second, err := j.Lease(t.Context(), "turn.a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if second.Epoch <= first.Epoch {
		t.Fatalf("epoch %d after %d", second.Epoch, first.Epoch)
	}
}
