package provisioner

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"golang.org/x/crypto/ssh"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// Plan makes a plan of a draft and shows it in the draft's conversation. It is
// Invalid while something is missing or wrong, with everything listed, and
// Conflict when the domain name belongs to another deployment. Planning the same
// draft again gives the plan that still waits, if there is one. A caller that
// goes away does not stop the planning.
func (s *Service) Plan(ctx context.Context, actor journal.Actor, draftID string) (Deployment, error) {
	draft, err := s.Draft(ctx, actor, draftID)
	if err != nil {
		return Deployment{}, err
	}
	return s.planDraft(ctx, actor, draft, draftID)
}

// PlanRequest makes a plan of upstream's POST /api/v1/deployments body, without a
// conversation. What does not read (see [ParseSpec]) and what breaks a rule is
// listed together, as an Invalid fault.
func (s *Service) PlanRequest(ctx context.Context, actor journal.Actor, body []byte) (Deployment, error) {
	spec, unread := ParseSpec(body)
	draft, err := s.wholeDraft(actor, spec)
	if err != nil {
		return Deployment{}, err
	}
	if unread != nil {
		return Deployment{}, alsoBroken(fault.From(unread), draft)
	}
	return s.planDraft(ctx, actor, draft, "")
}

// wholeDraft is a request as a draft: what is in it was said, and the rest is
// filled in as in any draft.
func (s *Service) wholeDraft(actor journal.Actor, spec Spec) (Draft, error) {
	if actor.Subject == "" {
		return Draft{}, fault.New(fault.Unauthenticated, "a deployment belongs to somebody").Do("sign in")
	}
	if s.opts.Cloud != Simulated {
		return Draft{}, fault.New(fault.Invalid, "a request for the real cloud needs its credentials in the vault").
			Do("begin a draft, store the credentials under it, and plan the draft")
	}
	draft := NewDraft("request", s.opts.Cloud)
	draft.Spec, draft.SimulatedAccount = spec.Normalize(), true
	for _, path := range specPaths(draft.Spec) {
		// A list that is left out is an empty one: nobody asked for a suggestion.
		if _, has := readField(draft.Spec, path); has || path == "apps" || path == "components" {
			draft.Fields[path] = Field{Source: Said, At: s.now()}
		}
	}
	if draft.Spec.SovereignDomainMode == "" && draft.Spec.SovereignFQDN != "" {
		s.opts.Catalogue.changeFQDN(&draft, draft.Spec.SovereignFQDN, Said, "", s.now(), nil)
	}
	return s.opts.Catalogue.ApplyChanges(draft, nil, s.now())
}

// alsoBroken adds to a request that does not read what is wrong with the part
// that does. A field that was not read is not called missing, nor is what would
// follow from it.
func alsoBroken(unread *fault.Error, draft Draft) error {
	if slices.ContainsFunc(unread.Violations, func(v fault.Violation) bool { return v.Path == "" }) {
		return unread // there is no document to speak of
	}
	covered := func(path, rule string) bool {
		return slices.ContainsFunc(unread.Violations, func(v fault.Violation) bool {
			at, _ := singularField(v.Path)
			under := func(a, b string) bool { return strings.HasPrefix(a, b+".") || strings.HasPrefix(a, b+"[") }
			return path == at || under(path, at) || under(at, path) ||
				rule == "required" && (strings.HasPrefix(at, "regions") && path == "orgHeadquarters" || at == "orgName")
		})
	}
	all := slices.Clone(unread.Violations)
	for _, v := range obstacles(draft) {
		if !covered(v.Path, v.Rule) {
			all = append(all, v)
		}
	}
	return fault.Violated("the request", all)
}

func (s *Service) planDraft(ctx context.Context, actor journal.Actor, draft Draft, draftID string) (Deployment, error) {
	if err := plannable(draft); err != nil {
		return Deployment{}, err
	}
	spec := draft.Spec.Normalize()
	all, err := s.ledger.all(ctx)
	if err != nil {
		return Deployment{}, err
	}
	for _, d := range all { // the newest first
		if !owns(actor, d.Owner) || d.DraftID != draftID {
			continue
		}
		if d.unfinished() && strings.EqualFold(d.Spec.SovereignFQDN, spec.SovereignFQDN) {
			return s.takeUp(ctx, actor, d, spec)
		}
		open := d.Status == StatusAwaitingApproval && d.Approval.ExpiresAt.After(s.now())
		if sameSpec(d.Spec, spec) && (open || d.toPlan()) {
			return s.awaitPlan(ctx, d)
		}
	}
	if err := s.checkFree(ctx, spec.SovereignFQDN); err != nil {
		return Deployment{}, err
	}
	// tofu plans what cannot be had without a word, so the cloud is asked before.
	endpoint, err := s.endpoint(ctx, Deployment{Cloud: s.opts.Cloud, DraftID: draftID})
	if err != nil {
		return Deployment{}, err
	}
	market, _ := s.market(ctx, endpoint)
	if err := fault.Violated("the draft", market.shortages(spec)); err != nil {
		return Deployment{}, err
	}
	if draftID != "" {
		if err := s.supersede(ctx, draftID, "A newer plan was made."); err != nil {
			return Deployment{}, err
		}
	}
	raw := make([]byte, 8)
	rand.Read(raw)
	id := hex.EncodeToString(raw)
	if err := s.link(ctx, draftID, id); err != nil {
		return Deployment{}, err
	}
	d, err := s.ledger.create(ctx, id,
		journal.New(eventCreated, created{DraftID: draftID, ConversationID: draftID, Owner: actor, Cloud: s.opts.Cloud, Spec: spec}).
			By(by(actor)).Of(actor.Subject))
	if err != nil {
		return Deployment{}, err
	}
	s.rouse(d.ID)
	return s.awaitPlan(ctx, d)
}

// link says in the conversation that a deployment comes of it, before the
// deployment has any event: a reader of the conversation then meets all of them in
// the journal's order. A conversation that does not exist needs no telling.
func (s *Service) link(ctx context.Context, conversationID, id string) error {
	if s.opts.Stage == nil || conversationID == "" {
		return nil
	}
	err := s.opts.Stage.Link(ctx, conversationID, id)
	if err != nil && fault.CodeOf(err) != fault.Unavailable && ctx.Err() == nil {
		s.log.WarnContext(ctx, "a deployment has no conversation to be shown in", "deployment", id, "error", err)
		return nil
	}
	return err
}

// plannable is Invalid with everything that keeps a draft from being planned.
func plannable(d Draft) error { return fault.Violated("the draft", obstacles(d)) }

// obstacles are what keeps a draft from being planned.
func obstacles(d Draft) []fault.Violation {
	violations := slices.Clone(d.Violations)
	for _, field := range d.Missing {
		v := fault.Violation{Path: field, Rule: "required", Message: "This is still missing."}
		if words, known := missingWords[field]; known {
			v.Message, v.Suggestion = words[0], words[1]
		}
		violations = append(violations, v)
	}
	return violations
}

// missingWords say what is missing, and what to do about it.
var missingWords = map[string][2]string{
	"orgName":                {"The Organization's name is missing.", "Say what your Organization is called."},
	"orgEmail":               {"The e-mail address of the sovereign-admin is missing.", "Give the address that will sign in to the console."},
	"orgHeadquarters":        {"There is neither a region nor a place to choose one by.", "Name a region, for example fsn1, or say where your people are."},
	"regions[0].cloudRegion": {"No region is chosen, and the place of the headquarters is not known here.", "Name a region, for example fsn1."},
	"sovereignFQDN":          {"The Sovereign has no domain name.", "Choose a subdomain, or name a domain of your own."},
	"sovereignSubdomain":     {"No subdomain can be made of the Organization's name.", "Choose one of letters, digits and hyphens."},
	accountMissing:           {"The cloud account's credentials are still missing.", "Enter them in the cloud account card."},
}

// awaitPlan waits until a deployment is planned, or could not be.
func (s *Service) awaitPlan(ctx context.Context, d Deployment) (Deployment, error) {
	for {
		switch {
		case d.Status == StatusFailed || d.Status == StatusCancelled:
			return d, fault.New(fault.Unavailable, "%s", d.Reason).Do("change the draft, or try again")
		case d.Plan != nil && !d.trace.replan && (d.trace.presented || d.Status != StatusAwaitingApproval):
			return d, nil
		}
		var err error
		if d, err = s.ledger.wait(ctx, d); err != nil {
			return d, err
		}
	}
}

// plan makes the plan of a deployment that has none, and asks for the approval.
// It belongs to the deployment's driver.
func (s *Service) plan(ctx context.Context, d Deployment) error {
	request, bearer, err := s.request(ctx, d)
	if err != nil {
		return err
	}
	made, err := s.opts.Engine.Plan(ctx, request)
	if err != nil {
		return err
	}
	return s.requestApproval(ctx, d.ID, made, request, bearer)
}

// request is what tofu needs to plan: the variables of the plan before, where
// there was one, and fresh secrets. bearer is the hash of the new cluster's.
func (s *Service) request(ctx context.Context, d Deployment) (tofu.Request, string, error) {
	endpoint, err := s.endpoint(ctx, d)
	if err != nil {
		return tofu.Request{}, "", err
	}
	var tfvars map[string]any
	if d.Plan != nil && !d.trace.replan {
		tfvars = d.Plan.Tfvars
	} else {
		extra := TfvarsExtra{DeploymentID: d.ID, CatalystAPIURL: s.opts.PublicURL, HandoverPublicJWK: s.opts.Minter.PublicJWK()}
		if d.Cloud == Simulated {
			extra.HetznerProjectID = "simulated"
			if d.Plan != nil { // another key would be another resource
				extra.SSHPublicKey, _ = d.Plan.Tfvars["ssh_public_key"].(string)
			}
			if extra.SSHPublicKey == "" {
				if extra.SSHPublicKey, err = throwawayKey(); err != nil {
					return tofu.Request{}, "", fault.Wrap(err, fault.Internal, "an SSH key cannot be made")
				}
			}
		}
		tfvars = Tfvars(d.Spec, extra)
	}
	if endpoint.ObjectStorageAccessKey == "" && d.Cloud == Simulated {
		endpoint.ObjectStorageAccessKey, endpoint.ObjectStorageSecretKey = random(10), random(20)
	}
	bearer := random(32)
	sum := sha256.Sum256([]byte(bearer))
	return tofu.Request{
		ID: d.ID, Endpoint: endpoint.URL, Tfvars: tfvars,
		Secrets: map[string]string{
			"kubeconfig_bearer_token":   bearer,
			"object_storage_access_key": endpoint.ObjectStorageAccessKey,
			"object_storage_secret_key": endpoint.ObjectStorageSecretKey,
		},
		Ephemeral: ephemeral(endpoint),
	}, hex.EncodeToString(sum[:]), nil
}

// ephemeral are the secrets that tofu keeps out of the plan.
func ephemeral(e Endpoint) map[string]string { return map[string]string{"hcloud_token": e.Token} }

// random is n random bytes in hex.
func random(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

// throwawayKey is the public part of a key that nobody has, for simulated
// servers that nobody can log in to.
func throwawayKey() (string, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " simulated", nil
}

// requestApproval stores a plan and the question whether it may be applied.
func (s *Service) requestApproval(ctx context.Context, id string, made *tofu.Plan, request tofu.Request, bearer string) error {
	now := s.now()
	market, note := s.market(ctx, Endpoint{URL: request.Endpoint, Token: request.Ephemeral["hcloud_token"]})
	if size, region, short := market.soldOut(made.Parsed); short {
		return fault.New(fault.Conflict, "%s %s", market.outOfStock(size, region), market.instead(size, region))
	}
	plan := Plan{Digest: made.Digest, CreatedAt: now, Changes: []card.PlanChange{}, Advisories: made.Advisories, Tfvars: request.Tfvars,
		Cost: market.Cost(made.Parsed, now)}
	if note != "" {
		plan.Cost.Assumptions = append([]string{note}, plan.Cost.Assumptions...)
	}
	plan.count(made.Parsed)
	expires := now.Add(s.opts.Timeouts.Approval)
	_, err := s.ledger.update(ctx, id, func(d Deployment) ([]journal.Event, error) {
		if d.Status.Final() || d.trace.cancel {
			return nil, nil
		}
		request := approvalEvent{CardID: approvalCardID(plan.Digest), Digest: plan.Digest, ExpiresAt: &expires}
		return []journal.Event{
			journal.New(eventPlanned, planned{Plan: plan, Releases: s.opts.Catalogue.Releases(d.Spec.Apps), Bearer: bearer}).Of(d.Owner.Subject),
			journal.New(eventApprovalRequested, request),
			journal.New(eventStatusChanged, statusChanged{Status: StatusAwaitingApproval}),
		}, nil
	})
	return err
}

// present shows a plan in its conversation, once. The cards' ids are the plan's,
// so that showing them again after a crash replaces them.
func (s *Service) present(ctx context.Context, d Deployment) error {
	if s.opts.Stage != nil && d.ConversationID != "" {
		err := s.opts.Stage.Show(ctx, d.ConversationID, PlanCards(d)...)
		switch {
		case fault.CodeOf(err) == fault.Unavailable || ctx.Err() != nil:
			return err
		case err != nil: // no such conversation: the plan can still be approved by its digest
			s.log.WarnContext(ctx, "a plan could not be shown", "deployment", d.ID, "error", err)
		}
	}
	_, err := s.ledger.update(ctx, d.ID, func(d Deployment) ([]journal.Event, error) {
		if d.trace.presented {
			return nil, nil
		}
		return []journal.Event{journal.New(eventPresented, struct{}{})}, nil
	})
	return err
}

// count fills in what a plan does, in words and figures.
func (p *Plan) count(plan *tfjson.Plan) {
	for _, c := range plan.ResourceChanges {
		if c.Change == nil || c.Mode != tfjson.ManagedResourceMode {
			continue
		}
		action := ""
		switch a := c.Change.Actions; {
		case a.Replace():
			p.Replace++
			action = "replace"
		case a.Create():
			p.Add++
			action = "create"
		case a.Delete(), a.Forget():
			p.Destroy++
			action = "delete"
		case a.Update():
			p.Change++
			action = "update"
		default:
			if c.Change.Importing == nil {
				continue
			}
			action = "update" // taken over as it is
		}
		group, label := describe(c)
		p.Changes = append(p.Changes, card.PlanChange{Address: c.Address, Action: action, Group: group, Label: label})
	}
	slices.SortStableFunc(p.Changes, func(a, b card.PlanChange) int { return groupRank(a.Group) - groupRank(b.Group) })
}

func groupRank(group string) int {
	groups := []string{"Servers", "Load balancers", "Network", "Access", "Storage"}
	if i := slices.Index(groups, group); i >= 0 {
		return i
	}
	return len(groups)
}

// describe is a resource in words: a heading and a label.
func describe(c *tfjson.ResourceChange) (group, label string) {
	after, _ := c.Change.After.(map[string]any)
	if after == nil {
		after, _ = c.Change.Before.(map[string]any)
	}
	text := func(key string) string { v, _ := after[key].(string); return v }
	key, _ := c.Index.(string)
	kinds := map[string][2]string{
		"hcloud_network": {"Network", "Private network"}, "hcloud_network_subnet": {"Network", "Subnet"},
		"hcloud_firewall": {"Network", "Firewall"}, "hcloud_ssh_key": {"Access", "SSH key"},
		"hcloud_placement_group": {"Servers", "Spread over hosts"}, "hcloud_load_balancer": {"Load balancers", "Load balancer"},
		"hcloud_load_balancer_network": {"Load balancers", "Private address"}, "hcloud_load_balancer_service": {"Load balancers", "Service"},
		"hcloud_load_balancer_target": {"Load balancers", "Target"}, "hcloud_volume": {"Storage", "Volume"}, "hcloud_primary_ip": {"Network", "Public address"},
	}
	if c.Type == "hcloud_server" {
		what := "Server"
		region, number, found := strings.Cut(key, "-cp")
		if found {
			what = "Control plane"
		} else if region, number, found = strings.Cut(key, "-w"); found {
			what = "Worker"
		}
		label = strings.TrimSpace(what + " " + number)
		if !found && key != "" {
			label, region = what+" "+key, ""
		}
		if region != "" {
			label += " in " + region
		}
		if size := text("server_type"); size != "" {
			label += " (" + size + ")"
		}
		return "Servers", label
	}
	kind, ok := kinds[c.Type]
	if !ok {
		return "Other", c.Address
	}
	detail := key
	for _, attribute := range []string{"ip_range", "load_balancer_type", "ip"} {
		if v := text(attribute); v != "" {
			detail = strings.TrimPrefix(detail+", "+v, ", ")
			break
		}
	}
	if detail != "" {
		return kind[0], kind[1] + " (" + detail + ")"
	}
	return kind[0], kind[1]
}

// Tfvars gives the tofu.auto.tfvars.json that was planned, without secrets.
func (s *Service) Tfvars(ctx context.Context, actor journal.Actor, id string) ([]byte, error) {
	d, err := s.Deployment(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	if d.Plan == nil {
		return nil, fault.New(fault.NotFound, "deployment %s has no plan yet", id).Do("wait until it is planned")
	}
	raw, err := json.MarshalIndent(d.Plan.Tfvars, "", "  ")
	return raw, fault.Wrap(err, fault.Internal, "the variables cannot be written")
}

// PlanJSON gives the redacted plan in tofu's own format.
func (s *Service) PlanJSON(ctx context.Context, actor journal.Actor, id string) ([]byte, error) {
	if _, err := s.Deployment(ctx, actor, id); err != nil {
		return nil, err
	}
	return s.opts.Engine.PlanJSON(id)
}
