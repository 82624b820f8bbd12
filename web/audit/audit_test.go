package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/web/audit"
)

func open(t *testing.T) (*journal.Journal, *vault.Vault) {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: v})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, v
}

func TestLog(t *testing.T) {
	t.Parallel()
	j, v := open(t)
	now := time.Date(2026, 11, 25, 23, 59, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	here, there := audit.New(j, clock), audit.New(j, clock) // two instances
	entry := func(org, who, target string) audit.Entry {
		return audit.Entry{OrgID: org, Subject: who, Email: who + "@x.example", Kind: journal.Human, Operation: "catalyst.plan.create", From: "192.0.2.7", Target: target, Result: audit.Done}
	}
	var writers sync.WaitGroup
	for _, l := range []*audit.Log{here, there} {
		for range 4 {
			writers.Go(func() {
				for range 5 {
					if err := l.Record(t.Context(), entry("acme", "layla", "d1")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	now = now.Add(time.Hour)
	if err := here.Record(t.Context(), entry("acme", "omar", "=HYPERLINK(\"http://evil\")")); err != nil {
		t.Fatal(err)
	}
	if err := here.Record(t.Context(), entry("other", "eve", "d2")); err != nil {
		t.Fatal(err)
	}
	var all []audit.Entry
	for before := uint64(0); ; {
		page, err := there.Page(t.Context(), "acme", before, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		before = page[len(page)-1].Seq
	}
	if len(all) != 41 || all[0].Subject != "omar" || all[0].At != now || all[1].Email != "layla@x.example" || all[40].Operation != "catalyst.plan.create" {
		t.Fatalf("%d entries, %+v", len(all), all[0])
	}
	for i := 1; i < len(all); i++ {
		if all[i].Seq >= all[i-1].Seq {
			t.Fatal("they are not in order")
		}
	}
	var out bytes.Buffer
	if err := there.WriteCSV(t.Context(), "acme", &out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 42 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, field := range row {
			if strings.HasPrefix(field, "=") {
				t.Errorf("a formula: %s", field)
			}
		}
	}
	// Erased, it still says that something was done.
	if err := v.ForgetPerson(t.Context(), "layla"); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := here.WriteLines(t.Context(), "acme", &out); err != nil {
		t.Fatal(err)
	}
	lines, erased := 0, 0
	for line := range strings.Lines(out.String()) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		lines++
		if e.Erased {
			erased++
		}
	}
	if lines != 41 || erased != 40 || strings.Contains(out.String(), "layla") {
		t.Errorf("%d lines, %d erased", lines, erased)
	}
	if err := here.Record(t.Context(), entry("acme", "layla", "d9")); err != nil {
		t.Errorf("the last thing that somebody did: %v", err)
	}
}
