package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// manned is a concierge to which people come.
type manned struct {
	*busy
	mails identitytest.Outbox
}

// newManned has Organizations besides, each with an admin "root".
func newManned(t *testing.T, orgs ...string) *manned {
	t.Helper()
	m := &manned{mails: make(identitytest.Outbox, 64)}
	m.busy = newBusy(t, func(o *web.Options) {
		for _, org := range orgs {
			if err := identitytest.Found(t.Context(), o.Journal, org, map[string]string{"root": identity.RoleOrgAdmin}); err != nil {
				t.Fatal(err)
			}
		}
		id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Foreign(), Issuer: publicURL, Journal: o.Journal, Mailer: m.mails, SignUp: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- id.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		o.Identity, o.Guests, o.Outbox = id, true, identity.NewOutbox(o.Journal)
	})
	return m
}

// browser is one with its cookies.
type browser struct {
	t       *testing.T
	h       http.Handler
	cookies map[string]*http.Cookie
	ip      string
}

// addresses are the browsers' on the network, which are counted apart.
var addresses atomic.Int64

func (m *manned) browser(t *testing.T) *browser {
	return &browser{t, m.console.Handler(), map[string]*http.Cookie{}, fmt.Sprintf("198.51.100.%d", addresses.Add(1))}
}

func (b *browser) ask(method, path, body string) *http.Response {
	b.t.Helper()
	r := request(method, path, body)
	r.RemoteAddr = b.ip + ":4711"
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	res := do(b.h, r)
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return res
}

type caller struct {
	Subject, Email, Role, OrgID string
	LocalOwner, Outbox          bool
}

func (b *browser) whoami() (c caller) {
	b.t.Helper()
	res := b.ask(http.MethodGet, "/api/v1/whoami", "")
	wantStatus(b.t, res, http.StatusOK)
	decode(b.t, res, &c)
	return c
}

var mailed = regexp.MustCompile(`(?s)\b(\d{6})\b.*/signin#(\S+)`)

// signIn signs somebody in by the code of the mail.
func (m *manned) signIn(b *browser, email string) caller {
	b.t.Helper()
	res := b.ask(http.MethodPost, "/api/v1/auth/code", fmt.Sprintf(`{"email":%q,"next":"/sandbox/admin"}`, email))
	wantStatus(b.t, res, http.StatusAccepted)
	var challenge struct{ Challenge string }
	decode(b.t, res, &challenge)
	code := mailed.FindStringSubmatch((<-m.mails).Text)[1]
	res = b.ask(http.MethodPost, "/api/v1/auth/code/verify", fmt.Sprintf(`{"challenge":%q,"code":%q}`, challenge.Challenge, code))
	wantStatus(b.t, res, http.StatusOK)
	var in struct{ Next, Email string }
	if decode(b.t, res, &in); in.Next != "/sandbox/admin" || in.Email != email {
		b.t.Errorf("the answer is %+v", in)
	}
	return b.whoami()
}

// What a guest has begun becomes the person's when they sign in in the same browser,
// and the guest's session is over: whoever put it there has nothing of the person's.
func TestGuestSignsIn(t *testing.T) {
	m := newManned(t)
	b := m.browser(t)
	wantStatus(t, b.ask(http.MethodGet, "/api/v1/whoami", ""), http.StatusUnauthorized)
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/guest", ""), http.StatusNoContent)
	guest := b.whoami()
	res := b.ask(http.MethodPost, "/api/v1/conversations", `{"language":"en"}`)
	wantStatus(t, res, http.StatusCreated)
	var conv struct{ ID string }
	decode(t, res, &conv)
	wantStatus(t, b.ask(http.MethodPatch, "/api/v1/drafts/"+conv.ID, `{"changes":[{"field":"orgName","value":"Al Noor"}]}`), http.StatusOK)
	wantProblem(t, b.ask(http.MethodPost, "/api/v1/secrets", `{"draftId":"x","values":{"a":"b"}}`), http.StatusForbidden, "denied")
	planted := &browser{t, b.h, map[string]*http.Cookie{}, b.ip}
	for name, c := range b.cookies {
		planted.cookies[name] = c
	}

	layla := m.signIn(b, "layla@omantel.example")
	if guest.Role != identity.RoleGuest || layla.Subject == guest.Subject || layla.Role != identity.RoleOrgAdmin || layla.OrgID == "" || layla.Outbox {
		t.Errorf("the guest %+v became %+v", guest, layla)
	}
	res = b.ask(http.MethodGet, "/api/v1/drafts/"+conv.ID, "")
	wantStatus(t, res, http.StatusOK)
	if !strings.Contains(body(t, res), "Al Noor") {
		t.Error("the draft is lost")
	}
	wantStatus(t, b.ask(http.MethodGet, "/api/v1/conversations/"+conv.ID, ""), http.StatusOK)
	wantProblem(t, planted.ask(http.MethodGet, "/api/v1/conversations/"+conv.ID, ""), http.StatusUnauthorized, "unauthenticated")
	wantProblem(t, b.ask(http.MethodGet, "/api/v1/outbox", ""), http.StatusForbidden, "denied")

	other := m.browser(t)
	m.signIn(other, "omar@other.example")
	wantProblem(t, other.ask(http.MethodGet, "/api/v1/conversations/"+conv.ID, ""), http.StatusNotFound, "not-found")
}

// The mail's link works at once in the browser that asked, and elsewhere says first
// whom it would sign in.
func TestMailLink(t *testing.T) {
	m := newManned(t)
	b, elsewhere := m.browser(t), m.browser(t)
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/code", `{"email":"layla@omantel.example","next":"//evil.example"}`), http.StatusAccepted)
	token := mailed.FindStringSubmatch((<-m.mails).Text)[2]
	res := elsewhere.ask(http.MethodPost, "/api/v1/auth/mail-link", `{"token":"`+token+`"}`)
	wantStatus(t, res, http.StatusOK)
	if text := body(t, res); !strings.Contains(text, `"confirm":true`) || !strings.Contains(text, "layla@omantel.example") || len(res.Cookies()) != 0 {
		t.Errorf("elsewhere it says %s", text)
	}
	res = b.ask(http.MethodPost, "/api/v1/auth/mail-link", `{"token":"`+token+`"}`)
	wantStatus(t, res, http.StatusOK)
	if text := body(t, res); !strings.Contains(text, `"next":"/start"`) {
		t.Errorf("it leads to %s", text)
	}
	if b.whoami().Email != "layla@omantel.example" {
		t.Error("she is not signed in")
	}
	wantProblem(t, elsewhere.ask(http.MethodPost, "/api/v1/auth/mail-link", `{"token":"`+token+`","confirm":true}`), http.StatusUnauthorized, "unauthenticated")
}

// 10,000 requests from one address: few mails, quick refusals that say when to come
// again, and somebody else is not refused.
func TestManyCodeRequests(t *testing.T) {
	m := newManned(t)
	server := httptest.NewServer(m.console.Handler())
	defer server.Close()
	sent, refused, began := 0, 0, time.Now()
	for i := range 10_000 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/v1/auth/code", strings.NewReader(fmt.Sprintf(`{"email":"somebody-%d@omantel.example"}`, i)))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "localhost"
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i%250)) // proves nothing
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = body(t, res)
		_ = res.Body.Close()
		switch res.StatusCode {
		case http.StatusAccepted:
			sent++
			<-m.mails
		case http.StatusTooManyRequests:
			if refused++; res.Header.Get("Retry-After") == "" {
				t.Fatal("it does not say when to come again")
			}
		default:
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	// One more every 20 seconds that it took.
	if most := 20 + int(time.Since(began)/(20*time.Second)) + 1; sent < 20 || sent > most || sent+refused != 10_000 {
		t.Errorf("%d mails were sent", sent)
	}
	r := request(http.MethodPost, "/api/v1/auth/code", `{"email":"layla@omantel.example"}`)
	r.RemoteAddr = "192.0.2.7:4711"
	wantStatus(t, do(m.console.Handler(), r), http.StatusAccepted)
}

// However many addresses on the network ask, one mail box gets few mails.
func TestManyCodesToOneAddress(t *testing.T) {
	m := newManned(t)
	sent := 0
	for i := range 50 {
		r := request(http.MethodPost, "/api/v1/auth/code", `{"email":" LAYLA@omantel.example"}`)
		r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4711", i)
		if res := do(m.console.Handler(), r); res.StatusCode == http.StatusAccepted {
			sent++
		} else {
			wantProblem(t, res, http.StatusTooManyRequests, "limited")
		}
	}
	if sent != 5 {
		t.Errorf("%d mails were asked for", sent)
	}
}

func TestHeaderInjection(t *testing.T) {
	m := newManned(t)
	for _, bad := range []string{`a@b.org\r\nBcc: everybody@c.org`, `a@b.org,c@d.org`, `a\u0000@b.org`, `\"a\\r\\n\"@b.org`, ``} {
		wantProblem(t, m.browser(t).ask(http.MethodPost, "/api/v1/auth/code", `{"email":"`+bad+`"}`), http.StatusUnprocessableEntity, "invalid")
	}
	if len(m.mails) != 0 {
		t.Error("a mail is sent")
	}
}

// An approval takes a verified address that is the Sovereign's admin's, or the owner
// of the machine in front of a simulated cloud: who the service says that one is.
func TestVerifiedAddressOfActor(t *testing.T) {
	m := newManned(t)
	b := m.browser(t)
	m.signIn(b, "layla@omantel.example")
	res := b.ask(http.MethodPost, "/api/v1/conversations", `{}`)
	wantStatus(t, res, http.StatusCreated)
	var conv struct {
		ID    string
		Owner journal.Actor
	}
	decode(t, res, &conv)
	events := m.load("conversation." + conv.ID)
	by := events[0].Metadata.Actor
	if by.Email != "layla@omantel.example" || !by.EmailVerified || by.LocalOwner || by.NoConsent || by.OrgID == "" || events[0].TenantID != by.OrgID {
		t.Errorf("it is begun by %+v in %q", by, events[0].TenantID)
	}
	var draft struct {
		Spec   struct{ OrgEmail string }
		Fields map[string]struct{ Source string }
	}
	decode(t, b.ask(http.MethodGet, "/api/v1/drafts/"+conv.ID, ""), &draft)
	if draft.Spec.OrgEmail != by.Email || draft.Fields["orgEmail"].Source != "suggested" {
		t.Errorf("the draft is %+v", draft)
	}
}

// TestOrganizationMatrix is every route of an Organization by every role, in their
// own Organization and in a foreign one: in a foreign one nothing is there, and in
// their own what the role does not grant is refused.
func TestOrganizationMatrix(t *testing.T) {
	m := newManned(t, "ours", "theirs")
	id := m.console.identity
	admin := identity.Claims{Type: identity.TypeSession, Subject: "root", Email: "root@ours.example", EmailVerified: true, OrgID: "ours", Role: identity.RoleOrgAdmin, Capabilities: identity.Grants(identity.RoleOrgAdmin, identity.PlanEnterprise)}
	names, checked := needed(t), 0
	for _, role := range identity.Roles()[1:] {
		b := m.browser(t)
		if _, err := id.Invite(t.Context(), admin, "ours", role+"@ours.example", role); err != nil {
			t.Fatal(err)
		}
		link := regexp.MustCompile(`/join#(\S+)`).FindStringSubmatch((<-m.mails).Text)[1]
		wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/invitation/accept", `{"token":"`+link+`"}`), http.StatusOK)
		for route, capability := range names {
			method, path, _ := strings.Cut(route, " ")
			if !strings.Contains(path, "{org}") {
				continue
			}
			for _, org := range []string{"ours", "theirs", "none"} {
				granted := false
				for _, g := range identity.Grants(role, identity.PlanEnterprise) {
					granted = granted || identity.Covers(g, capability)
				}
				where := strings.NewReplacer("{org}", org, "{subject}", "nobody", "{invitation}", "none").Replace(path)
				in := `{"name":"Ours","role":"org-viewer","email":"somebody@ours.example"}`
				switch {
				case strings.HasSuffix(path, "{org}"):
					in = `{"name":"Ours"}`
				case strings.HasSuffix(path, "{subject}"):
					in = `{"role":"org-viewer"}`
				case strings.HasSuffix(path, "/invitations"):
					in = `{"role":"org-viewer","email":"root@ours.example"}` // is a member: nothing is made
				}
				res := b.ask(method, where, in)
				if checked++; granted && org != "ours" && res.StatusCode != http.StatusNotFound || !granted && res.StatusCode != http.StatusForbidden ||
					granted && org == "ours" && (res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized) {
					t.Errorf("%s: %s of %s (%s) answers %d", role, route, org, capability, res.StatusCode)
				}
			}
		}
	}
	if checked < 60 {
		t.Errorf("only %d were checked", checked)
	}
}

// TestSamePersonElsewhere: every record that a person has begun in one Organization
// is not there while they work in another, on every route that names one.
func TestSamePersonElsewhere(t *testing.T) {
	m := newManned(t)
	b := m.browser(t)
	layla := m.signIn(b, "layla@omantel.example")
	res := b.ask(http.MethodPost, "/api/v1/conversations", `{}`)
	wantStatus(t, res, http.StatusCreated)
	var conv, org struct{ ID string }
	decode(t, res, &conv)
	wantStatus(t, b.ask(http.MethodPatch, "/api/v1/drafts/"+conv.ID, `{"changes":[{"field":"orgName","value":"Al Noor"}]}`), http.StatusOK)
	res = b.ask(http.MethodPost, "/api/v1/organizations", `{"name":"Another"}`)
	wantStatus(t, res, http.StatusCreated)
	decode(t, res, &org)
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/organization", `{"id":"`+org.ID+`"}`), http.StatusNoContent)
	if now := b.whoami(); now.OrgID != org.ID || now.Subject != layla.Subject {
		t.Fatalf("she is %+v", now)
	}
	for route := range needed(t) {
		method, path, _ := strings.Cut(route, " ")
		if !strings.Contains(path, "/conversations/{id}") && path != "/api/v1/drafts/{id}" || strings.HasSuffix(path, "/call") {
			continue
		}
		in := ""
		switch {
		case strings.HasSuffix(path, "/turns"):
			in = `{"text":"hello"}`
		case method == http.MethodPatch:
			in = `{"changes":[{"field":"orgName","value":"Al Fajr"}]}`
		}
		if res := b.ask(method, strings.Replace(path, "{id}", conv.ID, 1), in); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d", route, res.StatusCode)
		}
	}
	if text := body(t, b.ask(http.MethodGet, "/api/v1/conversations", "")); strings.Contains(text, conv.ID) {
		t.Errorf("the list has it: %s", text)
	}
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/organization", `{"id":"`+layla.OrgID+`"}`), http.StatusNoContent)
	wantStatus(t, b.ask(http.MethodGet, "/api/v1/conversations/"+conv.ID, ""), http.StatusOK)
}

// A live stream ends when its reader is removed, or their role changes, in its midst.
func TestStreamOfRemovedMember(t *testing.T) {
	m := newManned(t)
	server := httptest.NewServer(m.console.Handler())
	defer server.Close()
	admin := m.browser(t)
	layla := m.signIn(admin, "layla@omantel.example")
	wantStatus(t, admin.ask(http.MethodPost, "/api/v1/organizations/"+layla.OrgID+"/invitations", `{"email":"omar@omantel.example","role":"org-developer"}`), http.StatusCreated)
	link := regexp.MustCompile(`/join#(\S+)`).FindStringSubmatch((<-m.mails).Text)[1]
	b := m.browser(t)
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/invitation", `{"token":"`+link+`"}`), http.StatusOK)
	wantStatus(t, b.ask(http.MethodPost, "/api/v1/auth/invitation/accept", `{"token":"`+link+`"}`), http.StatusOK)
	omar := b.whoami()
	res := b.ask(http.MethodPost, "/api/v1/conversations", `{}`)
	wantStatus(t, res, http.StatusCreated)
	var conv struct{ ID string }
	decode(t, res, &conv)
	follow := func() <-chan error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/conversations/"+conv.ID+"/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "localhost"
		for _, c := range b.cookies {
			r.AddCookie(c)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			t.Fatalf("the stream answers %d", res.StatusCode)
		}
		ended := make(chan error, 1)
		go func() {
			defer res.Body.Close()
			_, err := res.Body.Read(make([]byte, 1))
			for err == nil {
				_, err = res.Body.Read(make([]byte, 4096))
			}
			ended <- err
		}()
		return ended
	}
	member := "/api/v1/organizations/" + layla.OrgID + "/members/" + omar.Subject
	for _, act := range []func() *http.Response{
		func() *http.Response { return admin.ask(http.MethodPatch, member, `{"role":"org-admin"}`) },
		func() *http.Response { return admin.ask(http.MethodDelete, member, "") },
	} {
		ended := follow()
		wantStatus(t, act(), http.StatusNoContent)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Error("the stream goes on")
		}
	}
	wantProblem(t, b.ask(http.MethodGet, "/api/v1/conversations/"+conv.ID, ""), http.StatusUnauthorized, "unauthenticated")
}
