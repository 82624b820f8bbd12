package identity

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// grantTTL is how long a program is let in before the person is asked again.
	grantTTL = 30 * 24 * time.Hour
	// codeLife is how long an authorization code is good, and it works once.
	codeLife = time.Minute
	// maxGrantsHeld is how many programs one person may have let in.
	maxGrantsHeld = 50
	// maxQuery is the longest request that is looked at, in bytes.
	maxQuery = 8 << 10
)

// grant is what a person has let a program do. It is a session of the program's: it
// is listed, ended and told of changes like one, and what it holds open hangs on it.
type grant struct {
	ClientID string `json:"clientId"`
	// Redirect and Challenge (RFC 7636, S256) bind the code to who asked for it.
	Redirect  string `json:"redirect"`
	Challenge string `json:"challenge"`
	// Resource is the audience of its access tokens (RFC 8707).
	Resource     string   `json:"resource"`
	Capabilities []string `json:"capabilities"`
}

// limit makes a session's claims those of the program.
func (g *grant) limit(c *Claims) {
	c.Type, c.Audience = TypeAccess, jwt.Audience{g.Resource}
	c.Capabilities = Intersect(c.Capabilities, g.Capabilities)
	c.Groups = nil
}

// Asked is what a program asks a person for.
type Asked struct {
	// Client is the name that the program gives itself; nothing proves it.
	Client string
	// To is where the person is led back to: a host, or the scheme of a program.
	To string
	// OwnComputer is true where that is a program on the person's own computer.
	OwnComputer bool
	// Capabilities are the grants that it would get.
	Capabilities []string
	// Until is when the person would be asked again.
	Until time.Time
	// Refused is set in place of the rest where the request has a fault that the
	// program is to be told: the address that tells it.
	Refused string

	request url.Values
}

// ReadRequest reads what a program asks for by the query of the authorization
// endpoint (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). A request whose program or
// way back is not known is a fault for the person: they are led nowhere.
func (id *Identity) ReadRequest(by Claims, query string) (Asked, error) {
	q, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil || len(query) > maxQuery {
		return Asked{}, badRequest("this request cannot be read")
	}
	for name, values := range q {
		if len(values) > 1 {
			return Asked{}, badRequest("this request says %q twice", name)
		}
	}
	client, ok := id.oauthClient(q.Get("client_id"))
	if !ok || id.options.Resource == "" {
		return Asked{}, badRequest("this program is not registered here")
	}
	back := q.Get("redirect_uri")
	if back == "" && len(client.RedirectURIs) == 1 {
		back = client.RedirectURIs[0]
	}
	if !client.redirects(back) {
		return Asked{}, badRequest("this program wants to lead you to an address that it has not registered")
	}
	q.Set("redirect_uri", back)
	a := Asked{Client: client.Name, request: q, Until: id.options.Now().UTC().Add(grantTTL).Truncate(time.Second)}
	u, _ := url.Parse(back)
	if a.To, a.OwnComputer = u.Host, u.Scheme != "https"; u.Scheme != "https" && u.Scheme != "http" {
		a.To = u.Scheme + ":"
	}
	refuse := func(code, description string) (Asked, error) {
		a.Refused = id.answer(q, url.Values{"error": {code}, "error_description": {description}})
		return a, nil
	}
	switch challenge := q.Get("code_challenge"); {
	case q.Get("response_type") != "code":
		return refuse("unsupported_response_type", "response_type is code")
	case q.Get("code_challenge_method") != "S256" || len(challenge) != 43 || strings.Trim(challenge, base64URL) != "":
		return refuse("invalid_request", "PKCE with code_challenge_method S256 is needed")
	case q.Has("resource") && !id.isResource(q.Get("resource")):
		return refuse("invalid_target", "there is one resource here, "+id.options.Resource)
	}
	may := Intersect(agentGrants, by.Capabilities)
	a.Capabilities = may
	if scope := strings.Fields(q.Get("scope")); len(scope) > 0 {
		wanted := slices.DeleteFunc(scope, func(s string) bool { return !validGrant(s) })
		if a.Capabilities = Intersect(wanted, may); len(a.Capabilities) == 0 {
			return refuse("invalid_scope", "nothing of this scope can be allowed")
		}
	}
	if !Contains(may, UseConcierge) {
		return Asked{}, fault.New(fault.Denied, "you may not use the concierge's tools, so you cannot let a program do it").Do("Ask an admin of your Organization.")
	}
	a.Capabilities = reduce(append(a.Capabilities, UseConcierge))
	return a, nil
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func badRequest(format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).Do("Go back to the program and connect it again.")
}

func (id *Identity) isResource(s string) bool {
	return strings.TrimSuffix(s, "/") == strings.TrimSuffix(id.options.Resource, "/")
}

// Scopes are what a program can ask for.
func Scopes() []string { return slices.Clone(agentGrants) }

// answer is the address that leads a person back to the program with an answer.
func (id *Identity) answer(request, answer url.Values) string {
	u, _ := url.Parse(request.Get("redirect_uri")) // it was read before
	q := u.Query()
	for name := range answer {
		q.Set(name, answer.Get(name))
	}
	if state := request.Get("state"); state != "" {
		q.Set("state", state)
	}
	q.Set("iss", id.options.Issuer) // RFC 9207
	u.RawQuery = q.Encode()
	return u.String()
}

// Decide answers a program's request as the person says, and gives the address that
// leads them back to it. Faults: those of [Identity.ReadRequest], [fault.Limited].
func (id *Identity) Decide(ctx context.Context, by Claims, query string, allow bool) (string, error) {
	a, err := id.ReadRequest(by, query)
	if err != nil || a.Refused != "" {
		return a.Refused, err
	}
	if !allow {
		return id.answer(a.request, url.Values{"error": {"access_denied"}}), nil
	}
	if id.options.Journal == nil {
		return "", fault.New(fault.Unavailable, "this service lets no programs in")
	}
	held, err := id.grants(ctx, by.Subject, by.OrgID)
	if err != nil {
		return "", err
	}
	if len(held) >= maxGrantsHeld {
		return "", fault.New(fault.Limited, "you have let %d programs in, and may let in no more", len(held)).Do("End those that you do not use.")
	}
	key, err := id.ring.signing()
	if err != nil {
		return "", err
	}
	now := id.options.Now().UTC().Truncate(time.Second)
	sid, err := id.begin(ctx, sessionStarted{
		Actor: journal.Actor{
			Kind: journal.Human, Subject: by.Subject, Email: by.Email, EmailVerified: by.EmailVerified, OrgID: by.OrgID, LocalOwner: by.LocalOwner,
		},
		Role: by.Role, Expires: now.Add(grantTTL), SignIn: SignIn{Method: "oauth", Agent: a.Client},
		Grant: &grant{
			ClientID: a.request.Get("client_id"), Redirect: a.request.Get("redirect_uri"), Challenge: a.request.Get("code_challenge"),
			Resource: id.options.Resource, Capabilities: a.Capabilities,
		},
	}, now)
	if err != nil {
		return "", err
	}
	return id.answer(a.request, url.Values{"code": {key.next(forAccess, sid, 0)}}), nil
}

// grants are the ids of the programs that a person has let in in an Organization.
func (id *Identity) grants(ctx context.Context, subject, org string) ([]string, error) {
	if id.options.Journal == nil {
		return nil, nil
	}
	entries, _, err := id.people.sessions(ctx, subject, id.options.Now())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.OrgID != org {
			continue
		}
		x, ok, err := id.sessions.get(ctx, e.SessionID)
		if err != nil {
			return nil, err
		}
		if ok && !x.ended && x.Grant != nil {
			out = append(out, e.SessionID)
		}
	}
	return out, nil
}

// endGrants ends what a person has let programs do in an Organization.
func (id *Identity) endGrants(ctx context.Context, subject, org, reason string) error {
	all, err := id.grants(ctx, subject, org)
	for _, sid := range all {
		if err == nil {
			err = id.endSession(ctx, sid, reason)
		}
	}
	return err
}
