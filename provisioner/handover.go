package provisioner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Enter gives the address that lets the owner into their Sovereign, with a
// handover token that is made now and kept nowhere. It is for a redirect, never
// for a card or a log. Faults: [fault.NotFound] for somebody else's deployment,
// [fault.Denied] for a model, [fault.Conflict] while the Sovereign is not ready,
// [fault.Unavailable] while its console does not answer.
func (s *Service) Enter(ctx context.Context, actor journal.Actor, id string) (string, error) {
	d, err := s.Deployment(ctx, actor, id)
	if err != nil {
		return "", err
	}
	if actor.Kind != journal.Human {
		return "", fault.New(fault.Denied, "only a person can be handed over to their Sovereign").Do("give the person the link")
	}
	if d.Status != StatusReady {
		return "", fault.New(fault.Conflict, "%s is not ready", d.Spec.SovereignFQDN).Do("wait until the deployment is ready; it is %s", d.Status)
	}
	base, err := s.opts.Entrance(ctx, d)
	if err != nil {
		return "", err
	}
	email := d.Spec.OrgEmail
	if actor.EmailVerified && actor.Email != "" {
		email = actor.Email
	}
	trusted := ""
	if d.Plan != nil {
		trusted, _ = d.Plan.Tfvars["handover_jwt_public_key"].(string)
	}
	token, err := s.opts.Minter.MintHandover(ctx, Handover{
		FQDN: d.Spec.SovereignFQDN, DeploymentID: d.ID, Email: email, Subject: actor.Subject, ReturnPath: "/sandbox", TrustedKey: trusted,
	})
	if err != nil {
		return "", err
	}
	_, err = s.ledger.update(ctx, id, func(Deployment) ([]journal.Event, error) {
		return []journal.Event{journal.New(eventEntered, entered{JTI: tokenID(token)}).By(by(actor))}, nil
	})
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, "/") + "/auth/handover?token=" + url.QueryEscape(token), nil
}

// tokenID is the id in a token's claims: what may be written down of it.
func tokenID(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		ID string `json:"jti"`
	}
	_ = json.Unmarshal(raw, &claims)
	return claims.ID
}
