package provisioner

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// The nouns of the claims that a deployment takes before its apply: the domain
// name for one live deployment, and the subdomain of a pool.
const (
	claimSovereign = "sovereign"
	claimSubdomain = "subdomain"
)

// holder is the data of a claim.
type holder struct {
	DeploymentID string `json:"deploymentId"`
}

// claims are what a deployment has to take.
func (d Deployment) claims() map[string]string {
	fqdn := strings.ToLower(d.Spec.SovereignFQDN)
	out := map[string]string{claimSovereign: fqdn}
	if d.Spec.SovereignDomainMode == "pool" {
		out[claimSubdomain] = fqdn
	}
	return out
}

// claim takes the deployment's names. Taking them again is no second claim.
func (s *Service) claim(ctx context.Context, d Deployment) error {
	for noun, value := range d.claims() {
		err := s.opts.Journal.Claim(ctx, noun, value, holder{d.ID})
		if fault.CodeOf(err) == fault.Conflict {
			var other string
			if other, err = s.holderOf(ctx, noun, value); err == nil && other != d.ID {
				if other != "" {
					s.unclaim(ctx, d)
					return taken(value)
				}
				err = s.opts.Journal.Claim(ctx, noun, value, holder{d.ID})
			}
		}
		if err != nil {
			s.unclaim(ctx, d)
			return err
		}
	}
	return nil
}

func taken(fqdn string) error {
	return fault.New(fault.Conflict, "%s belongs to another deployment", fqdn).At("sovereignFQDN").
		Do("choose another name; a Sovereign that failed keeps its name while something of it is left in the cloud")
}

// holderOf gives the deployment that holds a name, or none. A claim that its
// deployment no longer needs, because a crash came between, is given back.
func (s *Service) holderOf(ctx context.Context, noun, value string) (string, error) {
	const tries = 4
	for try := 1; ; try++ {
		raw, ok, err := s.opts.Journal.Claimed(ctx, noun, value)
		if err != nil || !ok {
			return "", err
		}
		var h holder
		if err := json.Unmarshal(raw, &h); err != nil {
			return "", fault.Wrap(err, fault.Internal, "the claim on %s does not read", value)
		}
		d, err := s.ledger.get(ctx, h.DeploymentID)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
		case err != nil:
			return "", err
		case d.Live() || d.Status == StatusAwaitingApproval:
			return h.DeploymentID, nil
		}
		err = s.opts.Journal.Release(ctx, noun, value)
		// Its deployment may be giving it back at this moment: then it is looked at
		// again, for a name that is free is not to be called taken.
		if fault.CodeOf(err) != fault.Conflict || try == tries {
			return "", err
		}
	}
}

// unclaim gives a deployment's names back, unless it needs them.
func (s *Service) unclaim(ctx context.Context, d Deployment) {
	if d, err := s.ledger.get(ctx, d.ID); err != nil || d.Live() {
		return
	}
	for noun, value := range d.claims() {
		raw, ok, err := s.opts.Journal.Claimed(ctx, noun, value)
		var h holder
		if err != nil || !ok || json.Unmarshal(raw, &h) != nil || h.DeploymentID != d.ID {
			continue
		}
		if err := s.opts.Journal.Release(ctx, noun, value); err != nil {
			s.log.WarnContext(ctx, "a name could not be given back; it will be when somebody asks for it", "deployment", d.ID, "error", err)
		}
	}
}

// checkFree is a Conflict when a domain name belongs to a live deployment.
func (s *Service) checkFree(ctx context.Context, fqdn string) error {
	for _, noun := range []string{claimSovereign, claimSubdomain} {
		other, err := s.holderOf(ctx, noun, strings.ToLower(fqdn))
		if err != nil {
			return err
		}
		if other != "" {
			return taken(fqdn)
		}
	}
	return nil
}

// SubdomainCheck is upstream's answer to whether a subdomain can be had.
type SubdomainCheck struct {
	Available bool `json:"available"`
	// Reason is invalid-format, reserved, exists or unsupported-pool.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	FQDN   string `json:"fqdn,omitempty"`
	// Suggestions are similar subdomains that can be had.
	Suggestions []string `json:"suggestions,omitempty"`
}

// CheckSubdomain tells whether a subdomain of a pool is free; an empty pool is
// the first one. An error is returned only when it cannot be told.
func (s *Service) CheckSubdomain(ctx context.Context, subdomain, pool string) (SubdomainCheck, error) {
	label := strings.ToLower(strings.TrimSpace(subdomain))
	pools := s.opts.Catalogue.PoolDomains()
	if pool = strings.ToLower(strings.TrimSpace(pool)); pool == "" && len(pools) > 0 {
		pool = pools[0]
	}
	check := SubdomainCheck{FQDN: label + "." + pool}
	if !slices.Contains(pools, pool) {
		check.Reason, check.Detail, check.FQDN = "unsupported-pool", "The pools are "+strings.Join(pools, ", ")+".", ""
		return check, nil
	}
	if err := CheckSubdomainLabel(label); err != nil {
		f := fault.From(err)
		check.Reason, check.Detail, check.FQDN = "invalid-format", f.Message, ""
		if label = SuggestSubdomain(subdomain); label != "" {
			check.Suggestions = s.freeLabels(ctx, label, pool, true)
		}
		return check, nil
	}
	if ReservedSubdomain(label) {
		check.Reason, check.Detail = "reserved", label+" is reserved for the platform."
		check.Suggestions = s.freeLabels(ctx, label, pool, false)
		return check, nil
	}
	err := s.checkFree(ctx, check.FQDN)
	switch {
	case err == nil:
		check.Available = true
	case fault.CodeOf(err) == fault.Conflict:
		check.Reason, check.Detail = "exists", check.FQDN+" belongs to another Sovereign."
		check.Suggestions = s.freeLabels(ctx, label, pool, false)
	default:
		return SubdomainCheck{}, err
	}
	return check, nil
}

// freeLabels gives up to three labels like the given one that are free.
func (s *Service) freeLabels(ctx context.Context, label, pool string, itself bool) []string {
	candidates := []string{label + "-cloud", label + "-2", "my-" + label, label + "-3"}
	if itself {
		candidates = append([]string{label}, candidates...)
	}
	var out []string
	for _, c := range candidates {
		if len(out) < 3 && CheckSubdomainLabel(c) == nil && !ReservedSubdomain(c) && s.checkFree(ctx, c+"."+pool) == nil {
			out = append(out, c)
		}
	}
	return out
}
