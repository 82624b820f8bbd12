// Package provider is a real OpenID provider for tests, on this machine.
package provider

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/text/language"
)

// The client and the password of everybody at [Provider].
const (
	Client   = "sandbox"
	Secret   = "a secret of the client"
	Password = "verysecure"
)

// Account is somebody at [Provider].
type Account struct {
	Name, Email string
	Verified    bool
	// Org and Groups are in the claims org and groups.
	Org    string
	Groups []string
}

// Provider is an OpenID provider on an address of its own on this machine. Its login
// page asks for an account's name and [Password].
type Provider struct {
	// Issuer ends in a slash.
	Issuer string

	listener net.Listener
	accounts map[string]Account
}

// New listens on a free port; callbacks are where its client may be sent back
// to.
func New(accounts ...Account) (*Provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p := &Provider{Issuer: "http://localhost:" + port + "/", listener: l, accounts: map[string]Account{}}
	for _, a := range accounts {
		p.accounts[a.Name] = a
	}
	return p, nil
}

// Serve answers until it is closed.
func (p *Provider) Serve(callbacks ...string) error {
	storage.RegisterClients(storage.WebClient(Client, Secret, callbacks...))
	router := exampleop.SetupServer(p.Issuer, keeper{storage.NewStorage(p), p}, nil, false)
	return http.Serve(p.listener, router)
}

// Close ends it.
func (p *Provider) Close() error { return p.listener.Close() }

// Callback is where a service with a public address wants people back.
func Callback(public, provider string) string {
	at, _ := url.JoinPath(public, "auth", "oidc", provider, "callback")
	return at
}

// ExampleClientID implements [storage.UserStore].
func (p *Provider) ExampleClientID() string { return "service" }

// GetUserByID implements [storage.UserStore].
func (p *Provider) GetUserByID(id string) *storage.User {
	a, ok := p.accounts[id]
	if !ok {
		return nil
	}
	return &storage.User{ID: a.Name, Username: a.Name, Password: Password, FirstName: a.Name, Email: a.Email, EmailVerified: a.Verified, PreferredLanguage: language.English}
}

// GetUserByUsername implements [storage.UserStore].
func (p *Provider) GetUserByUsername(name string) *storage.User { return p.GetUserByID(name) }

// keeper adds the claims that identity providers of companies have.
type keeper struct {
	*storage.Storage
	provider *Provider
}

func (k keeper) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	err := k.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
	if a := k.provider.accounts[subject]; err == nil && a.Org != "" {
		info.AppendClaims("org", a.Org)
		info.AppendClaims("groups", a.Groups)
	}
	return err
}
