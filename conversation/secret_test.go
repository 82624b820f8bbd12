package conversation_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	mathrand "math/rand"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	small  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// token gives n characters of an alphabet, as a machine would make them.
func token(r *mathrand.Rand, n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.Intn(len(alphabet))]
	}
	return string(b)
}

// credentials makes one credential of each kind.
func credentials(r *mathrand.Rand) map[string]string {
	all := small + upper + digits
	b64 := base64.RawURLEncoding.EncodeToString
	key := pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte(token(r, 300, all))})
	return map[string]string{
		"hetzner":  "aB3" + token(r, 61, all),
		"aws":      "AKIA" + token(r, 16, upper+digits),
		"sk":       "sk-" + token(r, 20, all) + "7b",
		"sk-proj":  "sk-proj-" + token(r, 40, all) + "7b",
		"stripe":   "sk_live_" + token(r, 24, all) + "7b",
		"github":   "ghp_" + token(r, 36, all),
		"pat":      "github_pat_" + token(r, 22, all) + "_" + token(r, 59, all),
		"gitlab":   "glpat-" + token(r, 20, all),
		"slack":    "xoxb-" + token(r, 12, digits) + "-" + token(r, 24, all),
		"google":   "AIza" + token(r, 35, all),
		"jwt":      b64([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64([]byte(`{"sub":"`+token(r, 12, all)+`"}`)) + "." + token(r, 43, all),
		"pem":      strings.TrimSpace(string(key)),
		"age":      "AGE-SECRET-KEY-1" + token(r, 58, upper+digits),
		"hex":      token(r, 64, "0123456789abcdef"),
		"url":      "postgres://app:" + token(r, 12, all) + "@db.example.com/x",
		"password": "password: " + token(r, 10, small) + "1!x",
		"said":     "my password is " + token(r, 10, all) + "7!",
		"s3":       "secret key: aB3" + token(r, 37, all),
		"access":   "access key = " + token(r, 19, upper+digits) + "7",
		"bearer":   "Bearer " + token(r, 30, all) + "7b",
	}
}

// bare gives the part of a credential that must not survive.
func bare(kind, c string) string {
	switch kind {
	case "url":
		c = strings.TrimPrefix(c, "postgres://app:")
		return c[:strings.Index(c, "@")]
	case "password", "said", "s3", "access", "bearer":
		return c[strings.LastIndex(c, " ")+1:]
	}
	return c
}

func TestCatchFindsCredentials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := mathrand.New(mathrand.NewSource(rapid.Int64().Draw(t, "seed")))
		before := rapid.SampledFrom([]string{"", "here it is: ", "use\n", "(", "it's \"", "مفتاح "}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", " thanks", "\nand my name is Ana", ")", "\" ok", ", please"}).Draw(t, "after")
		for kind, c := range credentials(r) {
			text, found := conversation.Catch(before + c + after)
			if strings.Contains(text, bare(kind, c)) || len(found) == 0 || !strings.Contains(text, "•••") {
				t.Fatalf("%s: %q became %q", kind, before+c+after, text)
			}
			if again, more := conversation.Catch(text); len(more) != 0 || again != text {
				t.Fatalf("%s: %q is caught again", kind, text)
			}
		}
	})
}

func TestCatchKnowsWhatBelongsIntoTheVault(t *testing.T) {
	r := mathrand.New(mathrand.NewSource(7))
	for kind, purpose := range map[string]string{
		"hetzner": "hetzner-token", "s3": "object-storage-secret-key", "access": "object-storage-access-key", "github": "", "pem": "", "hex": "",
	} {
		c := credentials(r)[kind]
		_, found := conversation.Catch("here: " + c)
		if len(found) != 1 || found[0].Purpose != purpose || string(found[0].Value()) != bare(kind, c) {
			t.Errorf("%s: found %v with the purpose %q", kind, found, found[0].Purpose)
		}
		if strings.Contains(found[0].String(), bare(kind, c)) {
			t.Errorf("%s prints its value", kind)
		}
	}
}

func TestCatchLetsProsePass(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	for _, text := range []string{
		"We are a clinic in Muscat with 40 people. We'd like Nextcloud and WordPress.",
		"Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen ist ein Wort.",
		"my e-mail is dr.fatima.al-balushi+clinic2026@very-long-hospital-name-of-muscat.health.example.om",
		"https://docs.hetzner.cloud/reference/cloud?tab=12#servers-create-a-server-2024-01-15",
		"the domain is a1b2c3d4-e5f6-very-long-subdomain-name-0123456789.omani.works",
		public + " ana@laptop", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7" + strings.Repeat("vB3x9Q", 40) + "== me",
		"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEk0 me",
		"order 2026-11-23-0000000000000001 and IBAN DE89370400440532013000",
		"the deployment is 0f3a9c1b2d4e5f60 and its digest is sha256:" + strings.Repeat("0a1b2c3d", 8),
		"f47ac10b-58cc-4372-a567-0e02b2c3d479", "What is a password? Is my password safe? The token is something else.",
		"the secret is simplicity", "token: none", "Is the api key required?", "كلمة المرور ضرورية", "----------------------------------------------------",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "call +968 2412 3456 7890 or 0049-30-1234567890-1234567890",
		"one_very_long_snake_case_identifier_of_a_table_with_2_numbers",
	} {
		if got, found := conversation.Catch(text); got != text {
			t.Errorf("%q became %q (%v)", text, got, found)
		}
	}
}

// TestNoSecretReachesTheJournal says and presses texts with credentials in them
// and looks for those in everything that was journalled and told.
func TestNoSecretReachesTheJournal(t *testing.T) {
	h := open(t)
	r := mathrand.New(mathrand.NewSource(11))
	for kind, c := range credentials(r) {
		if turn := h.say("this is it " + c + " now go on"); !strings.Contains(turn.Human, "•••") || !strings.HasSuffix(turn.Human, "now go on") && kind != "pem" {
			t.Errorf("%s: journalled as %q", kind, turn.Human)
		}
		form := card.New("f-"+kind, card.KindForm, "", "A form", card.FormData{Questions: []card.Question{{ID: "q-" + kind, Field: "name", Prompt: "Name?", Type: card.AskText}}})
		if err := h.service.Show(h.ctx, h.id, form); err != nil {
			t.Fatal(err)
		}
		quoted := strings.ReplaceAll(c, "\n", `\n`)
		h.press("f-"+kind, `{"name":"`+quoted+`"}`)
		for _, e := range h.events() {
			if bytes.Contains(e.Data, []byte(strings.ReplaceAll(bare(kind, c), "\n", `\n`))) {
				t.Fatalf("%s is in the journal: %s", kind, e.Data)
			}
		}
		for _, m := range h.model.last().Messages {
			if strings.Contains(m.Text, bare(kind, c)) {
				t.Fatalf("%s was told to the model", kind)
			}
		}
	}
	if len(h.safe.kept) != 3 {
		t.Errorf("the vault has %d values", len(h.safe.kept))
	}
	notices := 0
	for _, c := range h.get().Cards {
		if c.Kind == card.KindNotice {
			notices++
		}
	}
	if notices < 2*len(credentials(r)) {
		t.Errorf("%d notices were shown", notices)
	}
}

func TestWhenTheVaultFailsNothingIsKept(t *testing.T) {
	h := open(t)
	h.safe.fail = errors.New("disk full")
	secret := credentials(mathrand.New(mathrand.NewSource(3)))["hetzner"]
	_, err := h.service.Say(h.ctx, person, h.id, "token "+secret)
	wantCode(t, err, fault.Unavailable)
	if strings.Contains(err.Error(), secret) || len(h.types(2)) != 0 {
		t.Errorf("left %v, said %v", h.types(2), err)
	}
}

func FuzzCatch(f *testing.F) {
	for _, c := range credentials(mathrand.New(mathrand.NewSource(5))) {
		f.Add("x " + c + " y")
	}
	f.Add("••• password: •••")
	f.Fuzz(func(t *testing.T, text string) {
		got, found := conversation.Catch(text)
		for _, s := range found {
			if len(s.Value()) == 0 {
				t.Errorf("%q: an empty credential", text)
			}
		}
		if again, more := conversation.Catch(got); again != got || len(more) != 0 {
			t.Errorf("%q became %q, and then %q", text, got, again)
		}
		if len(found) == 0 && got != text {
			t.Errorf("%q became %q with nothing found", text, got)
		}
	})
}
