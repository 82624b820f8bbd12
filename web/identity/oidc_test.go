package identity_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
	"github.com/openova-io/sandbox/web/identity/identitytest/provider"
)

// abroad is a house with an OpenID provider.
type abroad struct {
	*house
	provider *provider.Provider
}

func newAbroad(t *testing.T, change func(*identity.Options), accounts ...provider.Account) *abroad {
	t.Helper()
	p, err := provider.New(accounts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	go func() { _ = p.Serve(provider.Callback(issuer, "clinic")) }() // ends with Close
	a := &abroad{provider: p}
	a.house = newHouse(t, func(o *identity.Options) {
		o.Now = time.Now // the provider has no other clock
		o.Providers = []identity.Provider{{
			ID: "clinic", Name: "The clinic", Issuer: p.Issuer, ClientID: provider.Client, ClientSecret: provider.Secret,
			OrgClaim: "org", Roles: map[string]string{"admins": identity.RoleOrgAdmin, "builders": identity.RoleOrgDeveloper},
		}}
		if change != nil {
			change(o)
		}
	})
	return a
}

// visit signs in at the provider, as a browser, and gives what comes back.
func (a *abroad) visit(t *testing.T, to, name string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back *url.URL
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), issuer) {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	login := page.Request.URL
	res, err := browser.PostForm(login.Scheme+"://"+login.Host+"/login/username", url.Values{
		"id": {login.Query().Get("authRequestID")}, "username": {name}, "password": {provider.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if back == nil {
		t.Fatalf("the provider stays at %s", res.Request.URL)
	}
	return back.Query()
}

// come signs somebody in by the provider.
func (a *abroad) come(t *testing.T, name string) (identity.Claims, string, error) {
	t.Helper()
	to, keep, err := a.BeginProvider(t.Context(), "clinic", "/sandbox/admin")
	if err != nil {
		t.Fatal(err)
	}
	s, next, err := a.FinishProvider(t.Context(), "clinic", keep, a.visit(t, to, name), identity.SignIn{})
	if err != nil {
		return identity.Claims{}, "", err
	}
	return a.claims(t, s), next, nil
}

// Somebody comes in by a real provider: into the Organization that it names, with the
// role of their groups, as the person who has the address here.
func TestProvider(t *testing.T) {
	a := newAbroad(t, nil,
		provider.Account{Name: "nadia", Email: "Nadia@AlNoor.example", Verified: true, Org: "Al Noor", Groups: []string{"/admins", "builders"}},
		provider.Account{Name: "omar", Email: "omar@alnoor.example", Verified: true, Org: "Al Noor", Groups: []string{"others"}},
		provider.Account{Name: "sara", Email: "sara@alnoor.example", Verified: false, Org: "Al Noor"},
		provider.Account{Name: "layla", Email: "layla@omantel.example", Verified: true},
	)
	nadia, next, err := a.come(t, "nadia")
	if err != nil {
		t.Fatal(err)
	}
	if nadia.Email != "nadia@alnoor.example" || !nadia.EmailVerified || nadia.Role != identity.RoleOrgAdmin || !nadia.HasGroup("admins") || next != "/sandbox/admin" {
		t.Errorf("she is %+v, and goes to %q", nadia, next)
	}
	omar, _, err := a.come(t, "omar")
	if err != nil || omar.OrgID != nadia.OrgID || omar.Role != identity.RoleOrgViewer || omar.Subject == nadia.Subject {
		t.Errorf("he is %+v: %v", omar, err)
	}
	if orgs := a.Organizations(nadia); len(orgs) != 1 || orgs[0].Name != "Al Noor" {
		t.Errorf("her Organizations are %+v", orgs)
	}
	if _, _, err := a.come(t, "sara"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("an address that nobody has verified: %v", err)
	}
	mailed := a.signIn(t, "layla@omantel.example")
	layla, _, err := a.come(t, "layla")
	if err != nil || layla.Subject != mailed.Subject || layla.OrgID != mailed.OrgID {
		t.Errorf("she is %+v and was %+v: %v", layla, mailed, err)
	}
	again, _, err := a.come(t, "nadia")
	if err != nil || again.Subject != nadia.Subject || again.SessionID == nadia.SessionID {
		t.Errorf("the second time she is %+v: %v", again, err)
	}
}

// What comes back is for the browser that began, once, and for nobody else.
func TestProviderAttacks(t *testing.T) {
	a := newAbroad(t, nil, provider.Account{Name: "nadia", Email: "nadia@alnoor.example", Verified: true})
	to, keep, err := a.BeginProvider(t.Context(), "clinic", "//evil.example")
	if err != nil {
		t.Fatal(err)
	}
	asked, err := url.Parse(to)
	if err != nil || asked.Query().Get("code_challenge_method") != "S256" || asked.Query().Get("nonce") == "" || asked.Query().Get("state") == "" {
		t.Fatalf("it asks with %s", to)
	}
	back := a.visit(t, to, "nadia")
	_, other, err := a.BeginProvider(t.Context(), "clinic", "")
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(url.Values)) url.Values {
		q := url.Values{}
		for k, v := range back {
			q[k] = v
		}
		change(q)
		return q
	}
	for name, x := range map[string]struct {
		keep  string
		query url.Values
	}{
		"another browser":     {other, back},
		"no browser":          {"", back},
		"a forged one":        {keep + "A", back},
		"another state":       {keep, with(func(q url.Values) { q.Set("state", "x") })},
		"no state":            {keep, with(func(q url.Values) { q.Del("state") })},
		"another provider's":  {keep, with(func(q url.Values) { q.Set("iss", "https://evil.example/") })},
		"a code of one's own": {keep, with(func(q url.Values) { q.Set("code", "guessed") })},
		"no code":             {keep, with(func(q url.Values) { q.Del("code") })},
		"it has refused":      {keep, with(func(q url.Values) { q.Set("error", "access_denied") })},
	} {
		if _, _, err := a.FinishProvider(t.Context(), "clinic", x.keep, x.query, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, next, err := a.FinishProvider(t.Context(), "clinic", keep, back, identity.SignIn{})
	if err != nil || next != "" {
		t.Errorf("it leads to %q: %v", next, err)
	}
	if _, _, err := a.FinishProvider(t.Context(), "clinic", keep, back, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("it works twice: %v", err)
	}
	if _, _, err := a.BeginProvider(t.Context(), "none", ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a provider that is not there: %v", err)
	}
}

// Where nobody may sign up, a provider lets in who is invited.
func TestProviderWithoutSignUp(t *testing.T) {
	a := newAbroad(t, func(o *identity.Options) { o.SignUp, o.Providers[0].OrgClaim = false, "" }, provider.Account{Name: "nadia", Email: "nadia@alnoor.example", Verified: true})
	if _, _, err := a.come(t, "nadia"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("she comes in: %v", err)
	}
}

func TestProviderOptions(t *testing.T) {
	good := identity.Provider{ID: "a", Name: "A", Issuer: "https://a.example", ClientID: "x"}
	for name, change := range map[string]func(*identity.Provider){
		"id": func(p *identity.Provider) { p.ID = "A b" }, "name": func(p *identity.Provider) { p.Name = "" }, "client": func(p *identity.Provider) { p.ClientID = "" },
		"plain": func(p *identity.Provider) { p.Issuer = "http://a.example" }, "role": func(p *identity.Provider) { p.Roles = map[string]string{"g": "root"} },
		"sovereign": func(p *identity.Provider) { p.Role = identity.RoleSovereignAdmin },
	} {
		p := good
		change(&p)
		_, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: issuer, Providers: []identity.Provider{p}})
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
