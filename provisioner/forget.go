package provisioner

import (
	"context"
	"slices"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Forget destroys what is kept of a person outside the journal: the secrets of
// their drafts and deployments, in all their Organizations, and nothing of what
// others built there. Sovereigns that stand go on, and are theirs at the
// provider. drafts are the ids of their drafts. Call it before the person's key is
// destroyed. Faults: [fault.Conflict] while something is being built for them, and
// nothing is done.
func (s *Service) Forget(ctx context.Context, person journal.Actor, drafts []string) error {
	all, err := s.DeploymentsOf(ctx, person)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Status.InFlight() {
			return fault.New(fault.Conflict, "%s is being built for you", d.Spec.SovereignFQDN).Do("Wait until it is done, or cancel it.")
		}
	}
	owners := slices.Clone(drafts)
	for _, d := range all {
		owners = append(owners, d.ID)
	}
	for _, owner := range owners {
		purposes, err := s.opts.Vault.Purposes(ctx, owner)
		if err != nil {
			return err
		}
		for _, p := range purposes {
			if err := s.opts.Vault.Delete(ctx, owner, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forgotten drops what is in memory of a person whose key was destroyed.
func (s *Service) Forgotten(person string) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for id, d := range s.ledger.folds {
		if d.Owner.Subject == person {
			delete(s.ledger.folds, id)
		}
	}
	s.ledger.loaded = false
}
