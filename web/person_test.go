package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

var layla = journal.Actor{Kind: journal.Human, Subject: "3f1c8a52-layla", Email: "layla@alnoor.example", EmailVerified: true}

// kept is a concierge whose data lies in one folder, with a person who has talked.
type kept struct {
	console
	dir     string
	vault   *vault.Vault
	journal *journal.Journal
	id      string
}

func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{dir: t.TempDir()}
	var err error
	if k.vault, err = vault.Open(filepath.Join(k.dir, "vault"), vault.Options{}); err != nil {
		t.Fatal(err)
	}
	if k.journal, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(k.dir, "journal"), Sealer: k.vault}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.journal.Close() })
	cat, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var none idle
	service, err := provisioner.New(provisioner.Options{
		Journal: k.journal, Catalogue: cat, Cloud: provisioner.Simulated, PublicURL: publicURL, DataDir: k.dir,
		Vault: k.vault, Engine: none, Watcher: none, Minter: none,
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) { return provisioner.Endpoint{}, nil },
		Entrance:      func(context.Context, provisioner.Deployment) (string, error) { return publicURL, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	conversations, err := conversation.New(conversation.Options{
		Journal: k.journal, Models: []conversation.Model{mute{}}, Secrets: k.vault,
		Toolbox: func(context.Context, string, journal.Actor) (conversation.Toolbox, error) {
			return nil, context.Canceled
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conversations.Close() })
	id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: publicURL, Journal: k.journal})
	if err != nil {
		t.Fatal(err)
	}
	k.console = newConsole(t, func(o *web.Options) {
		o.Mode, o.Provisioner, o.Conversations, o.Journal, o.Catalogue, o.Identity = web.Concierge, service, conversations, k.journal, cat, id
		o.Audit = audit.New(k.journal, nil)
		o.Forget = func(ctx context.Context, person journal.Actor) error {
			list, err := conversations.Of(ctx, person)
			if err != nil {
				return err
			}
			var drafts []string
			for _, c := range list {
				drafts = append(drafts, c.ID)
			}
			if err := service.Forget(ctx, person, drafts); err != nil {
				return err
			}
			if err := k.vault.ForgetPerson(ctx, person.Subject); err != nil {
				return err
			}
			service.Forgotten(person.Subject)
			conversations.Forget(person.Subject)
			return nil
		}
	})
	// What she says, what is known of her plan, and a secret.
	var made struct{ ID string }
	decode(t, k.ask(t, layla, http.MethodPost, "/api/v1/conversations", `{"language":"en"}`), &made)
	k.id = made.ID
	wantStatus(t, k.ask(t, layla, http.MethodPost, "/api/v1/conversations/"+k.id+"/turns", `{"text":"We are the Zahra Heartbeat Clinic"}`), http.StatusAccepted)
	wantStatus(t, k.ask(t, layla, http.MethodPatch, "/api/v1/drafts/"+k.id, `{"changes":[{"field":"orgName","value":"Zahra Heartbeat Clinic"},{"field":"orgEmail","value":"layla@alnoor.example"}]}`), http.StatusOK)
	if err := k.vault.Put(t.Context(), k.id, "hetzner-token", []byte(strings.Repeat("S", 64))); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kept) ask(t *testing.T, who journal.Actor, method, path, body string) *http.Response {
	t.Helper()
	token, _, err := k.identity.Token(who, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r := request(method, path, body)
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return do(k.Handler(), r)
}

// onDisk tells which files below the folders hold one of the words.
func onDisk(t *testing.T, words []string, dirs ...string) (found []string, files int) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			files++
			raw, err := os.ReadFile(path)
			for _, w := range words {
				if bytes.Contains(raw, []byte(w)) {
					found = append(found, path+" holds "+w)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found, files
}

func TestExportPerson(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	token, _, err := k.identity.CreateToken(t.Context(), k.claims(t, layla), identity.TokenOptions{Name: "my editor", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	res := k.ask(t, layla, http.MethodGet, "/api/v1/me/export", "")
	wantStatus(t, res, http.StatusOK)
	raw := []byte(body(t, res))
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files, all := map[string]string{}, ""
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(content)
		all += string(content)
		if strings.HasSuffix(f.Name, ".json") && !json.Valid(content) {
			t.Errorf("%s is not JSON", f.Name)
		}
	}
	for name, has := range map[string]string{
		"person.json": "layla@alnoor.example", "tokens.json": "my editor", "conversations/" + k.id + ".json": "Zahra Heartbeat Clinic",
		"conversations/" + k.id + ".md": "Zahra Heartbeat Clinic", "drafts/" + k.id + ".json": "Zahra Heartbeat Clinic",
	} {
		if !strings.Contains(files[name], has) {
			t.Errorf("%s has no %q", name, has)
		}
	}
	if strings.Contains(all, token) || strings.Contains(all, strings.Repeat("S", 64)) {
		t.Error("a secret is in it")
	}
	// Somebody else's has nothing of hers, and a program may not take it.
	res = k.ask(t, journal.Actor{Kind: journal.Human, Subject: "somebody"}, http.MethodGet, "/api/v1/me/export", "")
	if strings.Contains(body(t, res), k.id) {
		t.Error("somebody else's export has her conversation")
	}
	r := request(http.MethodGet, "/api/v1/me/export", "")
	r.Header.Set("Authorization", "Bearer "+token)
	wantStatus(t, do(k.Handler(), r), http.StatusForbidden)
}

func (k *kept) claims(t *testing.T, who journal.Actor) identity.Claims {
	t.Helper()
	token, _, err := k.identity.Token(who, identity.RoleOrgAdmin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.identity.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestErasePerson: afterwards no file has a word of theirs, what the journal keeps
// reads as erased, also out of a backup that was made before, and nobody else has
// lost anything.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	other := journal.Actor{Kind: journal.Human, Subject: "omar", Email: "omar@alnoor.example", EmailVerified: true}
	var made struct{ ID string }
	decode(t, k.ask(t, other, http.MethodPost, "/api/v1/conversations", `{"language":"en"}`), &made)
	if _, _, err := k.identity.CreateToken(t.Context(), k.claims(t, layla), identity.TokenOptions{Name: "hers", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	backup := t.TempDir()
	if err := k.journal.Snapshot(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(backup, "vault")
	if err := os.CopyFS(old, os.DirFS(filepath.Join(k.dir, "vault"))); err != nil {
		t.Fatal(err)
	}
	// What is looked for below is there now, for who has the key.
	events, err := k.journal.Load(t.Context(), "draft."+k.id)
	if raw, _ := json.Marshal(events); err != nil || !bytes.Contains(raw, []byte("Zahra Heartbeat")) {
		t.Fatalf("%s, %v", raw, err)
	}

	wantProblem(t, k.ask(t, layla, http.MethodDelete, "/api/v1/me", `{"confirm":"yes"}`), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, k.ask(t, journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true}, http.MethodDelete, "/api/v1/me", `{"confirm":"owner"}`), http.StatusConflict, "conflict")
	wantStatus(t, k.ask(t, layla, http.MethodDelete, "/api/v1/me", `{"confirm":"layla@alnoor.example"}`), http.StatusNoContent)

	words := []string{"Zahra", "Heartbeat", "layla@alnoor.example", strings.Repeat("S", 16)}
	found, files := onDisk(t, words, k.dir, backup)
	if len(found) > 0 || files < 10 {
		t.Errorf("in %d files: %v", files, found)
	}
	reads := func(j *journal.Journal) {
		t.Helper()
		for _, aggregate := range []string{"conversation." + k.id, "draft." + k.id} {
			events, err := j.Load(t.Context(), aggregate)
			if err != nil || len(events) == 0 {
				t.Fatalf("%s: %d events, %v", aggregate, len(events), err)
			}
			for _, e := range events {
				raw, _ := json.Marshal(e)
				for _, w := range words {
					if bytes.Contains(raw, []byte(w)) {
						t.Errorf("%s still says %s", aggregate, w)
					}
				}
			}
		}
	}
	reads(k.journal)
	if keys, err := k.vault.Purposes(t.Context(), k.id); err != nil || len(keys) != 0 {
		t.Errorf("the vault still has %v of hers, %v", keys, err)
	}
	if left := k.identity.Tokens(k.claims(t, layla)); len(left) > 0 && left[0].RevokedAt.IsZero() {
		t.Errorf("her tokens are %v", left)
	}
	var list struct{ Conversations []struct{ ID string } }
	decode(t, k.ask(t, layla, http.MethodGet, "/api/v1/conversations", ""), &list)
	if len(list.Conversations) != 0 {
		t.Errorf("she still has %v", list.Conversations)
	}
	decode(t, k.ask(t, other, http.MethodGet, "/api/v1/conversations", ""), &list)
	if len(list.Conversations) != 1 || list.Conversations[0].ID != made.ID {
		t.Errorf("omar has %v", list.Conversations)
	}

	// A backup that was made before, restored: it is as if it had been made after.
	marks, err := vault.Marks(filepath.Join(k.dir, "vault"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(old, "master.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := vault.Open(old, vault.Options{})
	if err == nil {
		err = again.ApplyErasures(marks)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "journal")
	if err := journal.Restore(t.Context(), backup, journal.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Sealer: again})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	reads(j)
}

// TestEraseReachesAllOrganizations: what somebody began in another Organization goes
// with them, and what colleagues have built in theirs stays.
func TestEraseReachesAllOrganizations(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	in := func(org string, who journal.Actor) journal.Actor { who.OrgID = org; return who }
	omar := journal.Actor{Kind: journal.Human, Subject: "omar", Email: "omar@alnoor.example", EmailVerified: true, OrgID: "clinic"}
	began := map[string]string{}
	for name, who := range map[string]journal.Actor{"hers": in("clinic", layla), "hers elsewhere": in("practice", layla), "his": omar} {
		var made struct{ ID string }
		decode(t, k.ask(t, who, http.MethodPost, "/api/v1/conversations", `{"language":"en"}`), &made)
		began[name] = made.ID
		if err := k.vault.Put(t.Context(), made.ID, "hetzner-token", []byte(strings.Repeat("S", 64))); err != nil {
			t.Fatal(err)
		}
	}
	// His deployment is the Organization's, so that she sees it.
	his := "00000000000000aa"
	if err := k.vault.Put(t.Context(), his, "kubeconfig", []byte("his")); err != nil {
		t.Fatal(err)
	}
	created := journal.New("deployment.created", map[string]any{"draftId": began["his"], "owner": omar, "cloud": "simulated", "spec": provisioner.Spec{SovereignFQDN: "his.omani.works"}})
	if _, err := k.journal.Append(t.Context(), "deployment."+his, 0, created.By(omar).Of(omar.Subject),
		journal.New("deployment.status.changed", map[string]any{"status": provisioner.StatusReady})); err != nil {
		t.Fatal(err)
	}
	if res := k.ask(t, in("clinic", layla), http.MethodGet, "/api/v1/deployments/"+his, ""); res.StatusCode != http.StatusOK {
		t.Fatalf("she sees his deployment: %d", res.StatusCode)
	}
	exported := opened(t, k.ask(t, in("clinic", layla), http.MethodGet, "/api/v1/me/export", ""))
	if !strings.Contains(exported, began["hers elsewhere"]) || strings.Contains(exported, "his.omani.works") {
		t.Error("her export lacks what she began elsewhere, or has what is his")
	}
	wantStatus(t, k.ask(t, in("clinic", layla), http.MethodDelete, "/api/v1/me", `{"confirm":"layla@alnoor.example"}`), http.StatusNoContent)
	for owner, left := range map[string]int{began["hers"]: 0, began["hers elsewhere"]: 0, began["his"]: 1, his: 1} {
		if secrets, err := k.vault.Purposes(t.Context(), owner); err != nil || len(secrets) != left {
			t.Errorf("of %s there are %v: %v", owner, secrets, err)
		}
	}
	if res := k.ask(t, omar, http.MethodGet, "/api/v1/deployments/"+his, ""); res.StatusCode != http.StatusOK {
		t.Errorf("his deployment answers %d", res.StatusCode)
	}
}

// opened is an answer as text, also where it is a zip.
func opened(t *testing.T, res *http.Response) string {
	t.Helper()
	raw := body(t, res)
	z, err := zip.NewReader(bytes.NewReader([]byte(raw)), int64(len(raw)))
	if err != nil {
		return raw
	}
	var all strings.Builder
	for _, f := range z.File {
		all.WriteString(f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(&all, r)
		_ = r.Close()
	}
	return all.String()
}
