package journal_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
)

const (
	canaryText  = "the-canary-sings-in-my-words"
	canaryEmail = "canary@example.org"
	canaryClaim = "canary-claimed@example.org"
)

func TestPersonalDataIsSealedAndErased(t *testing.T) {
	vaultDir, dir := t.TempDir(), t.TempDir()
	v, err := vault.Open(vaultDir, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := openIn(t, dir, v)
	actor := journal.Actor{Kind: journal.Human, Subject: "u1", Email: canaryEmail, EmailVerified: true}
	mine := journal.New("conversation.turn.started", note{canaryText}).By(actor).Of("u1")
	empty := journal.Event{Type: "conversation.adopted"}.By(actor).Of("u1")
	theirs := journal.New("conversation.turn.started", note{"theirs"}).Of("u2")
	nobodys := journal.New("conversation.model.switched", note{"nobody's"})
	must(t, j, "conversation.a", 0, mine, empty)
	must(t, j, "conversation.a", 2, theirs)
	must(t, j, "conversation.a", 3, nobodys)
	if err := j.Claim(t.Context(), "email", canaryClaim, nil); err != nil {
		t.Fatal(err)
	}

	events, err := j.Load(t.Context(), "conversation.a")
	if err != nil {
		t.Fatal(err)
	}
	if e := events[0]; !bytes.Equal(e.Data, mine.Data) || e.Metadata.Actor != actor || e.Erased() {
		t.Fatalf("loaded %+v", e)
	}
	if e := events[1]; len(e.Data) != 0 || e.Metadata.Actor != actor {
		t.Fatalf("loaded %+v", e)
	}
	if got := take(t, j, 0, nil, 4); !bytes.Equal(got[0].Data, mine.Data) {
		t.Fatalf("followed %+v", got[0])
	}
	wantNotOnDisk(t, dir, canaryText, canaryEmail, canaryClaim)
	wantNotOnDisk(t, vaultDir, canaryText, canaryEmail, canaryClaim)

	if err := v.ForgetPerson(t.Context(), "u1"); err != nil {
		t.Fatal(err)
	}
	if events, err = j.Load(t.Context(), "conversation.a"); err != nil {
		t.Fatal(err)
	}
	for _, e := range append(events[:2:2], take(t, j, 0, nil, 2)...) {
		if !e.Erased() || string(e.Data) != `{"erased":true}` || e.Metadata.Actor.Email != "" || e.Metadata.Actor.Subject != "u1" {
			t.Fatalf("an erased event reads as %+v, %s", e, e.Data)
		}
	}
	if got := texts(t, events[2:]); got[0] != "theirs" || got[1] != "nobody's" {
		t.Fatalf("others lost their words: %v", got)
	}
	_, err = j.Append(t.Context(), "conversation.a", 4, mine)
	wantCode(t, err, fault.NotFound)
}

func TestPersonalDataNeedsASealer(t *testing.T) {
	j := openIn(t, t.TempDir(), nil)
	_, err := j.Append(t.Context(), "conversation.a", 0, said(1)[0].Of("u1"))
	wantCode(t, err, fault.Internal)
}

// swapper gives the sealed part of one event for another one's.
type swapper struct {
	journal.Sealer
	first []byte
}

func (s *swapper) Seal(ctx context.Context, person string, plain []byte) ([]byte, error) {
	sealed, err := s.Sealer.Seal(ctx, person, plain)
	if s.first == nil {
		s.first = sealed
	}
	return s.first, err
}

func TestSealedPartBelongsToItsEvent(t *testing.T) {
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := openIn(t, t.TempDir(), &swapper{Sealer: v})
	must(t, j, "conversation.a", 0, said(1)[0].Of("u1"))
	must(t, j, "conversation.b", 0, said(1)[0].Of("u1"))
	if _, err := j.Load(t.Context(), "conversation.a"); err != nil {
		t.Fatal(err)
	}
	_, err = j.Load(t.Context(), "conversation.b")
	wantCode(t, err, fault.Internal)
}

// wantNotOnDisk reads every file below dir for words that must not be there.
func wantNotOnDisk(t *testing.T, dir string, words ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(content, []byte(w)) || bytes.Contains([]byte(path), []byte(w)) {
				t.Errorf("%q lies open in %s", w, d.Name())
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}
