package web_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
)

// TestAudit: what was done and what was refused is there, with its token and
// without its content; reading is not; another Organization sees nothing of it.
func TestAudit(t *testing.T) {
	t.Parallel()
	k := newKept(t)
	token, made, err := k.identity.CreateToken(t.Context(), k.claims(t, layla), identity.TokenOptions{Name: "editor", TTL: time.Hour, Capabilities: []string{"concierge.conversation.*"}})
	if err != nil {
		t.Fatal(err)
	}
	program := func(method, path, body string) *http.Response {
		r := request(method, path, body)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = "192.0.2.44:1234"
		return do(k.Handler(), r)
	}
	wantStatus(t, program(http.MethodPost, "/api/v1/conversations/"+k.id+"/turns", `{"text":"a word of hers"}`), http.StatusAccepted)
	wantStatus(t, program(http.MethodPost, "/api/v1/secrets", `{"draftId":"x","values":{"hetzner-token":"a-secret-value"}}`), http.StatusForbidden)
	wantStatus(t, program(http.MethodPost, "/api/v1/conversations/somebody-elses/cancel", ""), http.StatusNotFound)
	wantStatus(t, k.ask(t, layla, http.MethodGet, "/api/v1/conversations", ""), http.StatusOK)

	var page struct{ Entries []audit.Entry }
	res := k.ask(t, layla, http.MethodGet, "/api/v1/audit", "")
	text := body(t, res)
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) < 6 {
		t.Fatalf("%d entries: %s", len(page.Entries), text)
	}
	missing, denied, said := page.Entries[0], page.Entries[1], page.Entries[2]
	if missing.Result != "not-found" || denied.Result != "denied" || denied.Operation != "catalyst.secrets.put" || said.Result != audit.Done || said.Operation != "concierge.conversation.say" {
		t.Errorf("the newest are %+v, %+v, %+v", missing, denied, said)
	}
	if said.TokenType != "pat" || said.TokenID != made.ID || said.From != "192.0.2.44" || said.Target != k.id || said.Subject != layla.Subject || said.Email != layla.Email || said.RequestID == "" || said.Via != "api" {
		t.Errorf("it says %+v", said)
	}
	for _, e := range page.Entries {
		if strings.HasSuffix(e.Operation, ".list") {
			t.Errorf("reading is in it: %+v", e)
		}
	}
	for _, secret := range []string{"a-secret-value", token, "Zahra", "a word of hers"} {
		if strings.Contains(text, secret) {
			t.Errorf("it holds %q", secret)
		}
	}
	var rest struct{ Entries []audit.Entry }
	decode(t, k.ask(t, layla, http.MethodGet, "/api/v1/audit?limit=2&before="+strconv.FormatUint(denied.Seq, 10), ""), &rest)
	if len(rest.Entries) != 2 || rest.Entries[0].Seq != said.Seq {
		t.Errorf("the next page is %+v", rest.Entries)
	}
	csv := k.ask(t, layla, http.MethodGet, "/api/v1/audit/export?format=csv", "")
	if got := body(t, csv); !strings.HasPrefix(got, "seq,at,operation") || !strings.Contains(csv.Header.Get("Content-Disposition"), "audit.csv") {
		t.Errorf("the export is %.80s", got)
	}
	wantProblem(t, k.ask(t, layla, http.MethodGet, "/api/v1/audit/export?format=xls", ""), http.StatusUnprocessableEntity, "invalid")
	wantProblem(t, k.ask(t, layla, http.MethodGet, "/api/v1/audit?limit=0", ""), http.StatusUnprocessableEntity, "invalid")

	elsewhere := journal.Actor{Kind: journal.Human, Subject: "eve", OrgID: "another"}
	decode(t, k.ask(t, elsewhere, http.MethodGet, "/api/v1/audit", ""), &page)
	if len(page.Entries) != 0 {
		t.Errorf("another Organization sees %+v", page.Entries)
	}
	viewer, _, err := k.identity.Token(layla, identity.RoleOrgDeveloper, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r := request(http.MethodGet, "/api/v1/audit", "")
	r.Header.Set("Authorization", "Bearer "+viewer)
	wantStatus(t, do(k.Handler(), r), http.StatusForbidden)
}
