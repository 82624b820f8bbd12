package provisioner

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Draft gives a draft as it is now, with what follows from it. A draft that does
// not exist begins empty and belongs to the actor. Somebody else's is NotFound.
func (s *Service) Draft(ctx context.Context, actor journal.Actor, id string) (Draft, error) {
	d, owner, err := s.loadDraft(ctx, actor, id)
	if err != nil {
		return Draft{}, err
	}
	if owner.Subject != "" {
		return s.derive(ctx, d)
	}
	begun, err := s.saveDraft(ctx, actor, d, nil) // so that it has an owner
	if fault.CodeOf(err) == fault.Conflict {
		if d, _, err = s.loadDraft(ctx, actor, id); err == nil { // somebody began it in between
			return s.derive(ctx, d)
		}
	}
	return begun, err
}

// ChangeDraft makes all changes, or none; the fault then lists everything that is
// wrong. A plan of this draft that waits for an approval is superseded, if the
// Spec changed.
func (s *Service) ChangeDraft(ctx context.Context, actor journal.Actor, id string, changes []Change) (Draft, error) {
	const tries = 8
	for range tries {
		d, _, err := s.loadDraft(ctx, actor, id)
		if err != nil {
			return Draft{}, err
		}
		before, err := s.derive(ctx, d)
		if err != nil {
			return Draft{}, err
		}
		next, err := s.catalogue().ApplyChanges(before, changes, s.now())
		if err != nil {
			return before, err
		}
		saved, err := s.saveDraft(ctx, actor, next, changes)
		if fault.CodeOf(err) == fault.Conflict {
			continue
		}
		if err != nil {
			return Draft{}, err
		}
		if !sameSpec(before.Spec, next.Spec) {
			if err := s.supersede(ctx, id, "The draft was changed after this plan was made."); err != nil {
				return Draft{}, err
			}
		}
		return s.withDeployment(ctx, saved)
	}
	return Draft{}, fault.New(fault.Conflict, "the draft is being changed by too many at once").Do("try again")
}

// TryDraft gives the draft as [Service.ChangeDraft] would make it, and changes
// nothing: it answers "what would it cost with ...?". A plan that waits for an
// approval stands.
func (s *Service) TryDraft(ctx context.Context, actor journal.Actor, id string, changes []Change) (Draft, error) {
	d, err := s.Draft(ctx, actor, id)
	if err != nil {
		return Draft{}, err
	}
	return s.opts.Catalogue.ApplyChanges(d, changes, s.now())
}

// loadDraft folds a draft and checks who asks. An owner without a subject means
// that there is none yet.
func (s *Service) loadDraft(ctx context.Context, actor journal.Actor, id string) (Draft, journal.Actor, error) {
	if actor.Subject == "" {
		return Draft{}, journal.Actor{}, fault.New(fault.Unauthenticated, "a draft belongs to somebody").Do("sign in, or begin a conversation")
	}
	events, err := s.opts.Journal.Load(ctx, "draft."+id)
	if err != nil {
		return Draft{}, journal.Actor{}, err
	}
	d, owner, err := foldDraft(events)
	if err != nil {
		return Draft{}, journal.Actor{}, err
	}
	if len(events) == 0 {
		return NewDraft(id, s.opts.Cloud), journal.Actor{}, nil
	}
	if !owns(actor, owner) {
		return Draft{}, journal.Actor{}, fault.New(fault.NotFound, "there is no draft %s", id)
	}
	d.ID = id
	return d, owner, nil
}

// derive computes what follows from a draft.
func (s *Service) derive(ctx context.Context, d Draft) (Draft, error) {
	purposes, err := s.opts.Vault.Purposes(ctx, d.ID)
	if err != nil {
		return Draft{}, err
	}
	d.Secrets = purposes
	seq := d.Seq
	if d, err = s.catalogue().ApplyChanges(d, nil, s.now()); err != nil {
		return Draft{}, err
	}
	d.Seq = seq
	return s.withDeployment(ctx, d)
}

// withDeployment fills in the newest deployment of a draft.
func (s *Service) withDeployment(ctx context.Context, d Draft) (Draft, error) {
	all, err := s.ledger.all(ctx)
	if err != nil {
		return Draft{}, err
	}
	i := slices.IndexFunc(all, func(x Deployment) bool { return x.DraftID == d.ID })
	if i >= 0 {
		d.DeploymentID, d.DeploymentStatus = all[i].ID, all[i].Status
		if all[i].Approval != nil {
			d.ApprovalState, d.ApprovalObject = all[i].Approval.State, all[i].ApprovalObject()
		}
	}
	return d, nil
}

func (s *Service) saveDraft(ctx context.Context, actor journal.Actor, d Draft, changes []Change) (Draft, error) {
	if changes == nil {
		changes = []Change{}
	}
	e := journal.New(eventDraftChanged, draftChanged{DraftID: d.ID, Owner: actor, Cloud: d.Cloud, Spec: d.Spec, Fields: d.Fields,
		SimulatedAccount: d.SimulatedAccount, Changes: changes}).By(by(actor)).Of(actor.Subject)
	filled, err := s.opts.Journal.Append(ctx, "draft."+d.ID, d.Seq, e)
	if err != nil {
		return Draft{}, err
	}
	d.Seq = filled[len(filled)-1].Seq
	return s.derive(ctx, d)
}

// Adopt gives a draft and its deployments to somebody who signed in after they
// began. Whoever calls it has made sure that both are the same person. What
// belongs to a person with a proven identity stays theirs (NotFound).
func (s *Service) Adopt(ctx context.Context, id string, from, to journal.Actor) error {
	d, owner, err := s.loadDraft(ctx, from, id)
	if err != nil {
		return err
	}
	if owner.Subject == to.Subject {
		return nil
	}
	if owner.EmailVerified {
		return fault.New(fault.NotFound, "there is no draft %s", id)
	}
	if _, err := s.saveDraft(ctx, to, d, nil); err != nil {
		return err
	}
	all, err := s.ledger.all(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		if x.DraftID != id || !owns(from, x.Owner) {
			continue
		}
		_, err := s.ledger.update(ctx, x.ID, func(Deployment) ([]journal.Event, error) {
			return []journal.Event{journal.New(eventAdopted, adopted{Owner: to}).By(by(to)).Of(to.Subject)}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// supersede closes the open approvals of a draft's deployments.
func (s *Service) supersede(ctx context.Context, draftID, reason string) error {
	all, err := s.ledger.all(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.DraftID != draftID || d.Status != StatusAwaitingApproval {
			continue
		}
		if err := s.closeApproval(ctx, d.ID, eventApprovalSuperseded, reason, journal.Actor{Kind: journal.System}); err != nil {
			return err
		}
	}
	return nil
}

func sameSpec(a, b Spec) bool {
	x, errX := json.Marshal(a.Normalize())
	y, errY := json.Marshal(b.Normalize())
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// PutSecret stores a credential for a draft after checking it: its length, and
// for the real cloud that the token is good. The value is in no error.
func (s *Service) PutSecret(ctx context.Context, actor journal.Actor, draftID, purpose string, value []byte) error {
	if _, err := s.Draft(ctx, actor, draftID); err != nil {
		return err
	}
	limits := map[string][2]int{
		SecretHetznerToken: {64, 64}, SecretObjectStorageAccessKey: {16, 64}, SecretObjectStorageSecretKey: {32, 128},
	}
	limit, ok := limits[purpose]
	if !ok {
		return fault.New(fault.Invalid, "%q is not a credential that a plan needs", purpose).At(purpose).
			Do("use %s, %s or %s", SecretHetznerToken, SecretObjectStorageAccessKey, SecretObjectStorageSecretKey)
	}
	n := len([]rune(string(value)))
	if n < limit[0] || n > limit[1] || strings.ContainsFunc(string(value), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		if limit[0] == limit[1] {
			return fault.New(fault.Invalid, "the value has %d characters; it has exactly %d, without spaces", n, limit[0]).At(purpose).
				Do("copy it again from the provider's console")
		}
		return fault.New(fault.Invalid, "the value has %d characters; it has %d to %d, without spaces", n, limit[0], limit[1]).At(purpose).
			Do("copy it again from the provider's console")
	}
	if purpose == SecretHetznerToken && s.opts.Cloud == Hetzner {
		if err := tryToken(ctx, HetznerAPI, string(value)); err != nil {
			return err
		}
	}
	return s.opts.Vault.Put(ctx, draftID, purpose, value)
}

// tryToken asks the cloud for its locations: the cheapest question that needs a
// good token.
func tryToken(ctx context.Context, endpoint, token string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/locations", nil)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the token cannot be checked")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the cloud cannot be asked whether the token is good").(*fault.Error).Do("try again")
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return fault.New(fault.Invalid, "the cloud does not accept this token").At(SecretHetznerToken).
			Do("make a new one with read and write access in the project's console")
	}
	return fault.New(fault.Unavailable, "the cloud answered with status %d", resp.StatusCode).Do("try again")
}
