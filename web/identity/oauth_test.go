package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

const (
	resource = issuer + "/mcp/concierge"
	back     = "http://127.0.0.1:7777/callback"
	verifier = "a-verifier-of-the-program-that-is-long-enough-1"
)

func challenge(of string) string {
	sum := sha256.Sum256([]byte(of))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// programs is an instance that lets programs in, with one that is registered.
type programs struct {
	*registry
	*identity.Identity
	client string
}

func newPrograms(t *testing.T) *programs {
	t.Helper()
	p := &programs{registry: newRegistry(t)}
	if err := identitytest.Found(t.Context(), p.Journal, "clinic", map[string]string{"layla": identity.RoleOrgAdmin, "omar": identity.RoleOrgDeveloper}); err != nil {
		t.Fatal(err)
	}
	p.Identity = p.instance(t)
	p.client = p.register(t, "An editor", back)
	return p
}

func (p *programs) register(t *testing.T, name string, redirects ...string) string {
	t.Helper()
	c, err := p.RegisterClient(name, redirects)
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// query is a good request, with some parameters as they are named and valued.
func (p *programs) query(change ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {p.client}, "redirect_uri": {back}, "state": {"st&te"}, "resource": {resource},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			q.Del(change[i])
		} else {
			q.Set(change[i], change[i+1])
		}
	}
	return q.Encode()
}

// answer reads the address that leads back.
func answer(t *testing.T, to string) url.Values {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, back+"?") || u.Query().Get("state") != "st&te" || u.Query().Get("iss") != issuer {
		t.Fatalf("the way back is %s: %v", to, err)
	}
	return u.Query()
}

func (p *programs) code(t *testing.T, by identity.Claims, change ...string) string {
	t.Helper()
	to, err := p.Decide(t.Context(), by, p.query(change...), true)
	if err != nil {
		t.Fatal(err)
	}
	code := answer(t, to).Get("code")
	if code == "" {
		t.Fatalf("the answer is %s", to)
	}
	return code
}

// form is a good request for tokens by a code.
func (p *programs) form(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "client_id": {p.client}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {back}, "resource": {resource}}
}

func (p *programs) letIn(t *testing.T, by identity.Claims, change ...string) identity.Issued {
	t.Helper()
	issued, err := p.Exchange(t.Context(), p.form(p.code(t, by, change...)))
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func (p *programs) refresh(ctx context.Context, token string) (identity.Issued, error) {
	return p.Exchange(ctx, url.Values{"grant_type": {"refresh_token"}, "client_id": {p.client}, "refresh_token": {token}})
}

// caller is who an access token is at the resource.
func (p *programs) caller(token string) (identity.Claims, error) {
	r := httptest.NewRequest(http.MethodPost, "/mcp/concierge", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return p.FromResource(r)
}

func wantOAuth(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *identity.OAuthError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s is answered %v, want %s", what, err, code)
	}
}

func TestRegisteringAProgram(t *testing.T) {
	p := newPrograms(t)
	for redirect, good := range map[string]bool{
		"https://editor.example/cb": true, "https://editor.example/cb?x=1": true, "http://localhost:1/cb": true, "http://127.0.0.1/cb": true,
		"http://[::1]:5/cb": true, "cursor://anysphere.cursor/oauth": true, "com.example.editor:/cb": true,
		"http://editor.example/cb": false, "http://localhost.evil.example/cb": false, "javascript:alert(1)": false, "data:text/html,x": false,
		"file:///etc/passwd": false, "//editor.example/cb": false, "/cb": false, "": false, "https://": false, "https://a@editor.example/": false,
		"https://editor.example/#x": false, "https://editor.example/\r\nSet-Cookie: a=b": false, "myapp:/cb": false,
		"https://editor.example/" + strings.Repeat("a", 300): false,
	} {
		_, err := p.RegisterClient("x", []string{redirect})
		if good != (err == nil) {
			t.Errorf("%q is answered %v", redirect, err)
		}
	}
	_, err := p.RegisterClient("x", nil)
	wantOAuth(t, "no address", err, "invalid_redirect_uri")
	_, err = p.RegisterClient("x", slices.Repeat([]string{"https://editor.example/"}, 6))
	wantOAuth(t, "six addresses", err, "invalid_redirect_uri")
	_, err = p.RegisterClient("a\nname", []string{back})
	wantOAuth(t, "a name of two lines", err, "invalid_client_metadata")
	_, err = p.RegisterClient("x", slices.Repeat([]string{"https://editor.example/" + strings.Repeat("a", 270)}, 5))
	if err != nil && !strings.Contains(err.Error(), "too long together") {
		t.Error(err)
	}
}

// What a program asks wrongly goes back to it, and what may be somebody else's
// doing goes nowhere.
func TestRequests(t *testing.T) {
	p := newPrograms(t)
	layla := person("layla", identity.RoleOrgAdmin)
	a, err := p.ReadRequest(layla, "?"+p.query())
	if err != nil || a.Client != "An editor" || a.To != "127.0.0.1:7777" || !a.OwnComputer || !slices.Contains(a.Capabilities, identity.UseConcierge) || a.Until != noon.Add(30*24*time.Hour) {
		t.Fatalf("%+v: %v", a, err)
	}
	if a, err := p.ReadRequest(layla, p.query("redirect_uri", "http://127.0.0.1:9/callback")); err != nil || a.To != "127.0.0.1:9" {
		t.Errorf("another port of the own computer: %+v, %v", a, err)
	}
	for what, change := range map[string][]string{
		"no program":         {"client_id", ""},
		"a made-up program":  {"client_id", "a.b.c"},
		"another address":    {"redirect_uri", "https://evil.example/callback"},
		"another path":       {"redirect_uri", "http://127.0.0.1:7777/other"},
		"a longer address":   {"redirect_uri", back + "/../x"},
		"a script":           {"redirect_uri", "javascript:alert(1)"},
		"a far too long one": {"state", strings.Repeat("x", 9000)},
	} {
		if a, err := p.ReadRequest(layla, p.query(change...)); fault.CodeOf(err) != fault.Invalid || a.Refused != "" {
			t.Errorf("%s is answered %+v, %v", what, a, err)
		}
	}
	if _, err := p.ReadRequest(layla, p.query()+"&redirect_uri=https://evil.example/"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a parameter twice: %v", err)
	}
	for code, change := range map[string][]string{
		"unsupported_response_type": {"response_type", "token"},
		"invalid_request":           {"code_challenge_method", "plain"},
		"invalid_target":            {"resource", "https://elsewhere.example/mcp"},
		"invalid_scope":             {"scope", "catalyst.deployments.approve k8s.*"},
	} {
		a, err := p.ReadRequest(layla, p.query(change...))
		if err != nil || answer(t, a.Refused).Get("error") != code {
			t.Errorf("%s: %+v, %v", code, a, err)
		}
		// A press of the person changes nothing of it.
		if to, err := p.Decide(t.Context(), layla, p.query(change...), true); err != nil || answer(t, to).Get("code") != "" {
			t.Errorf("%s, allowed: %s, %v", code, to, err)
		}
	}
	if a, _ := p.ReadRequest(layla, p.query("code_challenge", "")); answer(t, a.Refused).Get("error") != "invalid_request" {
		t.Error("PKCE is not needed")
	}
	to, err := p.Decide(t.Context(), layla, p.query(), false)
	if err != nil || answer(t, to).Get("error") != "access_denied" {
		t.Errorf("refused: %s, %v", to, err)
	}
	if _, err := p.ReadRequest(person("guest", identity.RoleGuest), p.query()); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a guest: %v", err)
	}
}

func TestLettingAProgramIn(t *testing.T) {
	p := newPrograms(t)
	layla := person("layla", identity.RoleOrgAdmin)
	issued := p.letIn(t, layla, "scope", "catalyst.draft.* catalyst.deployments.* sandbox.*")
	c, err := p.caller(issued.Access)
	if err != nil || c.Subject != "layla" || c.OrgID != "omantel" || c.Type != identity.TypeAccess || !c.Audience.Contains(resource) || len(c.Audience) != 1 {
		t.Fatalf("%+v: %v", c, err)
	}
	want := []string{"catalyst.deployments.create", "catalyst.deployments.events", "catalyst.deployments.get", "catalyst.deployments.list", "catalyst.draft.*", identity.UseConcierge}
	if !slices.Equal(c.Capabilities, want) || issued.Scope != strings.Join(want, " ") || issued.Seconds != 900 {
		t.Errorf("it may %q, for %d s", c.Capabilities, issued.Seconds)
	}
	for _, never := range []string{identity.Approve, "catalyst.secrets.put", "identity.token.create", "identity.client.allow", identity.AttachSession} {
		if identity.May(c, never) == nil {
			t.Errorf("a program may %s", never)
		}
	}
	if !c.Actor("mcp").NoConsent {
		t.Error("a program's word is consent")
	}
	// It is good at the one resource, and no other token of the house is one of these.
	if _, err := with(p.Identity, issued.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("it is good elsewhere: %v", err)
	}
	if _, err := p.Refresh(t.Context(), issued.Refresh); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a browser goes on with a program's refresh token: %v", err)
	}
	browser := signIn(t, p.Identity)
	_, err = p.refresh(t.Context(), browser.Refresh)
	wantOAuth(t, "a browser's refresh token", err, "invalid_grant")
	// She sees it among the places where she is signed in, and ends it there.
	list, err := p.Sessions(t.Context(), layla)
	if err != nil || len(list) != 1 || list[0].Method != "oauth" || list[0].Agent != "An editor" {
		t.Fatalf("%+v: %v", list, err)
	}
	open, release := p.Bind(t.Context(), c)
	defer release()
	if err := p.EndSession(t.Context(), layla, list[0].ID); err != nil {
		t.Fatal(err)
	}
	<-open.Done()
	if _, err := p.caller(issued.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("after its end: %v", err)
	}
	_, err = p.refresh(t.Context(), issued.Refresh)
	wantOAuth(t, "an ended one", err, "invalid_grant")
}

func TestCodes(t *testing.T) {
	p := newPrograms(t)
	layla := person("layla", identity.RoleOrgAdmin)
	other := p.register(t, "Another", back)
	for what, x := range map[string]struct {
		name, value, code string
	}{
		"another verifier":        {"code_verifier", strings.Repeat("b", 50), "invalid_grant"},
		"no verifier":             {"code_verifier", "", "invalid_grant"},
		"another way back":        {"redirect_uri", "http://127.0.0.1:7777/other", "invalid_grant"},
		"another program":         {"client_id", other, "invalid_grant"},
		"no program":              {"client_id", "nobody", "invalid_client"},
		"another resource":        {"resource", "https://elsewhere.example/", "invalid_target"},
		"another kind":            {"grant_type", "password", "unsupported_grant_type"},
		"a code as refresh token": {"grant_type", "refresh_token", "invalid_grant"},
	} {
		form := p.form(p.code(t, layla))
		good := maps.Clone(form)
		form.Set(x.name, x.value)
		form.Set("refresh_token", form.Get("code"))
		_, err := p.Exchange(t.Context(), form)
		wantOAuth(t, what, err, x.code)
		if _, err := p.Exchange(t.Context(), good); err != nil {
			t.Errorf("after %s the program itself is refused: %v", what, err)
		}
	}
	// A code works once; again, and what it gave is gone, as somebody has a copy.
	form := p.form(p.code(t, layla))
	issued, err := p.Exchange(t.Context(), form)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Exchange(t.Context(), form)
	wantOAuth(t, "a code again", err, "invalid_grant")
	if _, err := p.caller(issued.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("what a stolen code gave is still good: %v", err)
	}
	late := p.form(p.code(t, layla))
	p.clock.Add(int64(61 * time.Second))
	_, err = p.Exchange(t.Context(), late)
	wantOAuth(t, "a code after a minute", err, "invalid_grant")
	if list, err := p.Sessions(t.Context(), layla); err != nil || slices.ContainsFunc(list, func(s identity.OwnSession) bool {
		return s.SeenAt.Equal(s.StartedAt) && s.Method == "oauth" && s.StartedAt.After(noon.Add(time.Minute))
	}) {
		t.Errorf("a code that nobody came with is listed: %+v, %v", list, err)
	}
}

// A refresh token works once, within 30 seconds with the same successor; later it is
// taken for a stolen one.
func TestRefreshTokensOfPrograms(t *testing.T) {
	p := newPrograms(t)
	first := p.letIn(t, person("layla", identity.RoleOrgAdmin))
	p.clock.Store(int64(16 * time.Minute))
	if _, err := p.caller(first.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("an access token after 16 minutes: %v", err)
	}
	second, err := p.refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	p.clock.Add(int64(30 * time.Second))
	again, err := p.refresh(t.Context(), first.Refresh)
	if err != nil || again.Refresh != second.Refresh {
		t.Errorf("within the grace: %v", err)
	}
	// Another instance is told what this one did.
	elsewhere := programs{p.registry, p.instance(t), p.client}
	if _, err := elsewhere.caller(second.Access); err != nil {
		t.Error(err)
	}
	p.clock.Add(int64(time.Second))
	_, err = p.refresh(t.Context(), first.Refresh)
	wantOAuth(t, "a refresh token after the grace", err, "invalid_grant")
	_, err = p.refresh(t.Context(), second.Refresh)
	wantOAuth(t, "its successor", err, "invalid_grant")
	if _, err := p.caller(second.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("what a stolen refresh token gave is still good: %v", err)
	}
	held, release := elsewhere.Bind(t.Context(), identity.Claims{Type: identity.TypeAccess, SessionID: p.sid(t, second.Access)})
	defer release()
	<-held.Done() // also where it had ended before
}

// sid is the consent that an access token belongs to, as any other service reads it.
func (p *programs) sid(t *testing.T, token string) string {
	t.Helper()
	keys, err := identity.Keys(p.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.NewVerifier(identity.VerifierOptions{
		Issuer: issuer, Audience: resource, Key: keys, Now: func() time.Time { return noon.Add(17 * time.Minute) },
	}).Verify(token, identity.TypeAccess)
	if err != nil {
		t.Fatal(err)
	}
	return c.SessionID
}

func TestProgramsGiveBackWhatTheyGot(t *testing.T) {
	p := newPrograms(t)
	layla := person("layla", identity.RoleOrgAdmin)
	other := p.register(t, "Another", back)
	for what, pick := range map[string]func(identity.Issued) string{
		"by the refresh token": func(i identity.Issued) string { return i.Refresh },
		"by the access token":  func(i identity.Issued) string { return i.Access },
	} {
		issued := p.letIn(t, layla)
		wantOAuth(t, "another program", p.RevokeGrant(t.Context(), url.Values{"token": {pick(issued)}, "client_id": {other}}), "invalid_client")
		c, err := p.caller(issued.Access)
		if err != nil {
			t.Fatal(err)
		}
		open, release := p.Bind(t.Context(), c)
		if err := p.RevokeGrant(t.Context(), url.Values{"token": {pick(issued)}, "client_id": {p.client}}); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		<-open.Done()
		release()
		if _, err := p.caller(issued.Access); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s, it is still good: %v", what, err)
		}
	}
	if err := p.RevokeGrant(t.Context(), url.Values{"token": {"nonsense"}}); err != nil {
		t.Errorf("what never was is a fault: %v", err)
	}
}

// What a program may do follows its person, at once.
func TestProgramsFollowTheirPerson(t *testing.T) {
	p := newPrograms(t)
	admin, dev := person("layla", identity.RoleOrgAdmin), person("omar", identity.RoleOrgDeveloper)
	admin.OrgID, dev.OrgID = "clinic", "clinic"
	issued := p.letIn(t, dev)
	c, err := p.caller(issued.Access)
	if err != nil || identity.May(c, "catalyst.draft.set") != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	open, release := p.Bind(t.Context(), c)
	defer release()
	if err := p.ChangeMember(t.Context(), admin, "clinic", "omar", identity.RoleOrgViewer); err != nil {
		t.Fatal(err)
	}
	<-open.Done()
	if c, err = p.caller(issued.Access); err != nil || identity.May(c, "catalyst.draft.set") == nil || identity.May(c, "catalyst.plan.get") != nil {
		t.Errorf("as a viewer's program it may %q: %v", c.Capabilities, err)
	}
	if err := p.RemoveMember(t.Context(), admin, "clinic", "omar"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.caller(issued.Access); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("of somebody who was removed: %v", err)
	}
	// Who comes back does not bring their programs along.
	events, err := p.Journal.Load(t.Context(), "org.clinic")
	if err != nil {
		t.Fatal(err)
	}
	joined := journal.New("identity.member.joined", map[string]string{"email": dev.Email, "role": identity.RoleOrgDeveloper}).Of("omar")
	if _, err := p.Journal.Append(t.Context(), "org.clinic", events[len(events)-1].Seq, joined); err != nil {
		t.Fatal(err)
	}
	p.Identity = p.instance(t) // it knows of it from the start
	_, err = p.refresh(t.Context(), issued.Refresh)
	wantOAuth(t, "a program of somebody who came back", err, "invalid_grant")
}
