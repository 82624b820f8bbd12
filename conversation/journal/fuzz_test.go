package journal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/openova-io/sandbox/conversation/journal"
)

// Whatever lies in the stream, reading it gives a complete envelope or an error.
func FuzzStoredEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/records/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"id":"a","type":"a.b","version":1,"sealed":"AQID"}`))
	f.Add([]byte(`{"id":"a","type":"a.b","version":-1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, _, err := journal.Parse(body)
		if err == nil && (e.ID == "" || e.Type == "" || e.Version < 1) {
			t.Fatalf("an incomplete event passed: %+v", e)
		}
	})
}
