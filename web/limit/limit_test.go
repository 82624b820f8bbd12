package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/openova-io/sandbox/web/limit"
)

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	l := limit.New(time.Minute, 3, func() time.Time { return now })
	for i := range 3 {
		if _, ok := l.Allow("a"); !ok {
			t.Fatalf("the time %d is refused", i)
		}
	}
	if wait, ok := l.Allow("a"); ok || wait != time.Minute {
		t.Errorf("the fourth time: %v, wait %v", ok, wait)
	}
	if _, ok := l.Allow("b"); !ok {
		t.Error("another key is refused")
	}
	now = now.Add(time.Minute)
	if _, ok := l.Allow("a"); !ok {
		t.Error("it is refused after its wait")
	}
	if _, ok := l.Allow("a"); ok {
		t.Error("being refused has given a second one")
	}
}

// However many keys there are, a known one keeps its own limit, and the new ones
// share one.
func TestManyKeys(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	l := limit.New(time.Minute, 2, func() time.Time { return now })
	passed := 0
	for i := range 30000 {
		if _, ok := l.Allow(fmt.Sprint(i)); ok {
			passed++
		}
	}
	if passed != 10002 {
		t.Errorf("%d passed", passed)
	}
	if _, ok := l.Allow("0"); !ok {
		t.Error("the second time of the first key is refused")
	}
	if _, ok := l.Allow("0"); ok {
		t.Error("the third time of the first key passes")
	}
	now = now.Add(time.Hour)
	for _, key := range []string{"new", "newer", "newest"} {
		if _, ok := l.Allow(key); !ok {
			t.Errorf("%s is refused when the others are forgotten", key)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::/64", "2001:db8:0:0:ffff::9%eth0": "2001:db8::/64", "pipe": "pipe",
	} {
		if got := limit.Address(in); got != want {
			t.Errorf("%s is counted as %s", in, got)
		}
	}
}
