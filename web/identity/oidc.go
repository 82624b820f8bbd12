package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/tidwall/gjson"
	"golang.org/x/oauth2"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// providerTTL is how long somebody may take to sign in at a provider.
	providerTTL = 10 * time.Minute
	// providerWithin is how long a provider may take for an answer.
	providerWithin = 15 * time.Second
	// maxGroups is how many of a person's groups are kept.
	maxGroups = 100
)

// Provider is an OpenID provider whose accounts may sign in. Its word for an address,
// with email_verified, is taken: who controls it can be anybody who has an address.
type Provider struct {
	// ID is the provider's in addresses: small letters, digits and hyphens.
	ID string `json:"id"`
	// Name is what its button says.
	Name         string `json:"name"`
	Issuer       string `json:"issuer"`
	ClientID     string `json:"client-id"`
	ClientSecret string `json:"-"`
	// Scopes are asked for besides openid, email and profile.
	Scopes []string `json:"scopes,omitempty"`
	// OrgClaim is where the person's Organization stands (a gjson path): each value is
	// an Organization here. Without it people come into one that invited them, or their
	// own.
	OrgClaim string `json:"org-claim,omitempty"`
	// GroupsClaim is where the person's groups stand; empty means groups.
	GroupsClaim string `json:"groups-claim,omitempty"`
	// Roles are the roles of groups in the Organization of OrgClaim. The mightiest
	// counts, at each sign-in anew.
	Roles map[string]string `json:"roles,omitempty"`
	// Role is that of who is in no such group; empty means org-viewer.
	Role string `json:"role,omitempty"`
}

var providerID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// provider is one that was looked up, once it answered.
type provider struct {
	Provider
	redirect string
	now      func() time.Time
	client   *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

func openProviders(list []Provider, issuer string, now func() time.Time) ([]*provider, error) {
	var out []*provider
	for _, p := range list {
		bad := func(format string, args ...any) error {
			return fault.New(fault.Invalid, "the provider %q: "+format, append([]any{p.ID}, args...)...)
		}
		if p.GroupsClaim == "" {
			p.GroupsClaim = "groups"
		}
		if p.Role == "" {
			p.Role = RoleOrgViewer
		}
		u, err := url.Parse(p.Issuer)
		switch {
		case !providerID.MatchString(p.ID):
			return nil, bad("an id is small letters, digits and hyphens")
		case slices.ContainsFunc(out, func(o *provider) bool { return o.ID == p.ID }):
			return nil, bad("there are two of that id")
		case p.Name == "" || p.ClientID == "":
			return nil, bad("it needs a name and a client-id")
		case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1"):
			return nil, bad("its issuer is an https address")
		}
		for _, role := range append([]string{p.Role}, mapValues(p.Roles)...) {
			if !slices.Contains(Roles()[1:], role) {
				return nil, bad("there is no role %q", role)
			}
		}
		out = append(out, &provider{Provider: p, redirect: issuer + "/auth/oidc/" + p.ID + "/callback", now: now, client: &http.Client{Timeout: providerWithin}})
	}
	return out, nil
}

func mapValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// Providers are those that people can sign in with: id and name.
func (id *Identity) Providers() []Provider {
	out := []Provider{}
	for _, p := range id.providers {
		out = append(out, Provider{ID: p.ID, Name: p.Name})
	}
	return out
}

func (id *Identity) provider(name string) (*provider, error) {
	i := slices.IndexFunc(id.providers, func(p *provider) bool { return p.ID == name })
	if i < 0 || id.options.Journal == nil {
		return nil, fault.New(fault.NotFound, "there is no such provider")
	}
	return id.providers[i], nil
}

// look finds the provider's addresses and keys (OpenID Connect Discovery), until it
// has answered once.
func (p *provider) look(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		// Its keys are fetched later, too, in the context of no request.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.Issuer)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Unavailable, "%s does not answer", p.Name)
		}
		p.found = found
	}
	return p.found, &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: p.found.Endpoint(), RedirectURL: p.redirect,
		Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, p.Scopes...),
	}, nil
}

// journey is a sign-in at a provider, as the browser keeps it.
type journey struct {
	Provider string `json:"provider"`
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Until    int64  `json:"until"`
	Next     string `json:"next,omitempty"`
}

const forJourney = "journey"

// BeginProvider gives the address at a provider to send a browser to, and what that
// browser has to keep meanwhile, in a cookie: who comes back without it has not begun
// here. Faults: [fault.NotFound], [fault.Unavailable].
func (id *Identity) BeginProvider(ctx context.Context, name, next string) (to, keep string, err error) {
	p, err := id.provider(name)
	if err != nil {
		return "", "", err
	}
	_, config, err := p.look(ctx)
	if err != nil {
		return "", "", err
	}
	j := journey{Provider: p.ID, State: uuid.NewString(), Nonce: uuid.NewString(), Verifier: oauth2.GenerateVerifier(), Until: id.options.Now().Add(providerTTL).Unix(), Next: Next(next)}
	s, err := id.newSlip(j)
	if err != nil {
		return "", "", err
	}
	return config.AuthCodeURL(j.State, oidc.Nonce(j.Nonce), oauth2.S256ChallengeOption(j.Verifier)), s.text(forJourney), nil
}

// FinishProvider gives a session to who comes back from a provider with what it said
// (query) and what the browser kept, and where they wanted to go. Faults:
// [fault.Unauthenticated], [fault.Denied] for who may not come in, [fault.Unavailable].
func (id *Identity) FinishProvider(ctx context.Context, name, keep string, query url.Values, how SignIn) (Session, string, error) {
	p, err := id.provider(name)
	if err != nil {
		return Session{}, "", err
	}
	no := func(err error, what string) (Session, string, error) {
		f := fault.New(fault.Unauthenticated, "%s did not sign you in: %s", p.Name, what)
		if err != nil {
			f = fault.Wrap(err, fault.Unauthenticated, "%s did not sign you in: %s", p.Name, what).(*fault.Error)
		}
		return Session{}, "", f.Do("Try again.")
	}
	var j journey
	if _, ok := id.readSlip(forJourney, keep, &j); !ok || j.Provider != p.ID || id.options.Now().Unix() >= j.Until ||
		subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(j.State)) != 1 {
		return no(nil, "it was not begun in this browser, or took too long")
	}
	if query.Get("error") != "" || query.Get("code") == "" {
		return no(nil, "it refused")
	}
	if iss := query.Get("iss"); iss != "" && iss != p.Issuer { // RFC 9207
		return no(nil, "the answer is another one's")
	}
	found, config, err := p.look(ctx)
	if err != nil {
		return Session{}, "", err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(j.Verifier))
	if err != nil {
		return no(err, "its code is not good")
	}
	raw, _ := token.Extra("id_token").(string)
	proof, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return no(err, "its token is not good")
	}
	if subtle.ConstantTimeCompare([]byte(proof.Nonce), []byte(j.Nonce)) != 1 {
		return no(nil, "its token is for another sign-in")
	}
	who, err := p.who(ctx, found, proof, token)
	if err != nil {
		return no(err, "it does not say who you are")
	}
	session, err := id.enterFrom(ctx, p, proof.Subject, who, how)
	return session, j.Next, err
}

// account is what a provider says of somebody.
type account struct {
	email  string // verified, or empty
	org    string
	groups []string
}

// who reads the claims of the token and, for what is not in it, of the account.
func (p *provider) who(ctx context.Context, found *oidc.Provider, proof *oidc.IDToken, token *oauth2.Token) (account, error) {
	var said, more json.RawMessage
	if err := proof.Claims(&said); err != nil {
		return account{}, err
	}
	asked := false
	get := func(path string) gjson.Result {
		if path == "" {
			return gjson.Result{}
		}
		if r := gjson.GetBytes(said, path); r.Exists() {
			return r
		}
		if !asked {
			asked = true
			// The account has to be the token's own (OpenID Connect Core 5.3.2).
			if info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token)); err == nil && info.Subject == proof.Subject {
				_ = info.Claims(&more)
			}
		}
		return gjson.GetBytes(more, path)
	}
	var a account
	if verified := get("email_verified"); verified.Type == gjson.True || verified.String() == "true" {
		a.email, _ = Address(get("email").String())
	}
	a.org = get(p.OrgClaim).String()
	if org := get(p.OrgClaim); org.IsArray() {
		a.org = org.Get("0").String()
	}
	for _, g := range get(p.GroupsClaim).Array() {
		if len(a.groups) < maxGroups && g.Type == gjson.String && len(g.Str) <= 200 {
			a.groups = append(a.groups, g.Str)
		}
	}
	return a, nil
}

// enterFrom signs in the person of an account: the one that it has led to before, or
// whose address it has.
func (id *Identity) enterFrom(ctx context.Context, p *provider, subject string, who account, how SignIn) (Session, error) {
	if who.email == "" {
		return Session{}, fault.New(fault.Denied, "%s does not say that your e-mail address is verified", p.Name).Do("Verify it there, or sign in by e-mail.")
	}
	key := p.Issuer + "\n" + subject
	person, ok, err := id.people.find(ctx, byAccount, key)
	if err == nil && !ok {
		if welcome, err := id.welcome(ctx, who.email); err != nil || !welcome && p.OrgClaim == "" {
			return Session{}, orDenied(err)
		}
		if person, err = id.people.known(ctx, who.email); err == nil {
			person, err = id.people.lead(ctx, byAccount, key, person)
		}
	}
	if err != nil {
		return Session{}, err
	}
	org := ""
	if who.org != "" {
		if org, err = id.mapped(ctx, p, who, person); err != nil {
			return Session{}, err
		}
	}
	how.Method, how.Groups = "oidc:"+p.ID, who.groups
	return id.enter(ctx, person, who.email, org, how)
}

func orDenied(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Denied, "nobody has invited you here").Do("Ask an admin of the Organization for an invitation.")
}

// mapped is the Organization that a provider says somebody is in, with the role that
// their groups have.
func (id *Identity) mapped(ctx context.Context, p *provider, who account, person string) (string, error) {
	name, err := orgName(who.org)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(p.ID + "\n" + who.org))
	org, role := "org-"+hex.EncodeToString(sum[:16]), p.Role
	for group, r := range p.Roles {
		if (Claims{Groups: who.groups}).HasGroup(group) && Outranks(r, role) {
			role = r
		}
	}
	by := journal.Actor{Kind: journal.System, OrgID: org}
	err = id.orgs.update(ctx, org, func(o organization) ([]journal.Event, error) {
		var events []journal.Event
		if o.seq == 0 {
			events = append(events, journal.New(eventOrgFounded, orgFounded{Name: name, Plan: id.options.SignUpPlan}).By(by))
		}
		switch m, ok := o.members[person]; {
		case !ok:
			events = append(events, journal.New(eventMemberJoined, memberJoined{Email: who.email, Role: role}).By(by).Of(person))
		case m.Role != role && len(p.Roles) > 0:
			events = append(events, journal.New(eventMemberChanged, memberChanged{Subject: person, Role: role}).By(by))
		}
		return events, nil
	})
	return org, err
}
