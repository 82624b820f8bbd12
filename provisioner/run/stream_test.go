package run_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/provisioner/run"
)

func decode(raw []byte, v any) error { return json.Unmarshal(raw, v) }

// FuzzRead: whatever a stream holds, the records are exactly its complete lines,
// and reading on from any record's end gives the same rest.
func FuzzRead(f *testing.F) {
	f.Add([]byte("a\nb\n"))
	f.Add([]byte("no end"))
	f.Add([]byte("\n\n\xff\x00\ntorn"))
	f.Add(bytes.Repeat([]byte("x\n"), 200))
	f.Fuzz(func(t *testing.T, stream []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "stream.jsonl"), stream, 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.Split(string(stream), "\n")
		want = want[:len(want)-1]
		var got []string
		offset := int64(0)
		for {
			records, err := run.Read(dir, offset)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				if r.Offset != offset || r.Next != offset+int64(len(r.Line))+1 {
					t.Fatalf("record at %d..%d, expected to begin at %d", r.Offset, r.Next, offset)
				}
				offset = r.Next
				got = append(got, string(r.Line))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestOverlongLineKeepsOffsets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := bytes.Repeat([]byte("y"), 3<<20)
	stream := append(append([]byte("a\n"), long...), []byte("\nb\n")...)
	if err := os.WriteFile(filepath.Join(dir, "stream.jsonl"), stream, 0o600); err != nil {
		t.Fatal(err)
	}
	records, err := run.Read(dir, 0)
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if records[1].Line != nil || string(records[2].Line) != "b" || records[2].Next != int64(len(stream)) {
		t.Errorf("%q at %d", records[2].Line, records[2].Next)
	}
}

func TestKeyProtocol(t *testing.T) {
	t.Parallel()
	wrapped := filepath.Join(t.TempDir(), "key.wrapped")
	if err := os.WriteFile(wrapped, []byte("wrapped"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run.Key(wrapped, func(w []byte) ([]byte, error) {
		if string(w) != "wrapped" {
			t.Errorf("unwrapped %q", w)
		}
		return bytes.Repeat([]byte{7}, 32), nil
	}, strings.NewReader("null"), &out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[0] != `{"magic":"OpenTofu-External-Key-Provider","version":1}` {
		t.Fatalf("said %q", lines)
	}
	var answer struct {
		Keys struct {
			Encryption []byte `json:"encryption_key"`
			Decryption []byte `json:"decryption_key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(lines[1]), &answer); err != nil || len(answer.Keys.Encryption) != 32 || !bytes.Equal(answer.Keys.Encryption, answer.Keys.Decryption) {
		t.Errorf("answer %s, %v", lines[1], err)
	}
	if err := run.Key(wrapped, func([]byte) ([]byte, error) { return []byte("short"), nil }, strings.NewReader("null"), &out); err == nil {
		t.Error("a key of five bytes was given out")
	}
}
