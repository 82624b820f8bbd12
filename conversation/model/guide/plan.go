package guide

import (
	"errors"
	"slices"
	"strconv"
)

// plan draws up the plan, or asks for what it still needs. told is true where
// the person asked for it just now.
func (t *turn) plan(u *understanding, told bool) error {
	if fields := t.toAsk(); len(fields) > 0 {
		return t.askFor(u, fields, true)
	}
	if t.draft.phase() == awaiting && !t.changed {
		return t.whilePending(u)
	}
	if t.blocked() {
		return nil
	}
	if t.needsAccount() {
		if !t.draft.simulated() {
			if told {
				t.say("accountfirst")
				return t.ask(t.reply("accounttitle"), "", t.accountQuestion())
			}
			return t.offerPlan()
		}
		if err := t.set([]change{{Field: fieldSimulated, Value: true}}); err != nil {
			return err
		}
	}
	var out struct {
		DeploymentID  string `json:"deploymentId"`
		Add           int    `json:"add"`
		SovereignFQDN string `json:"sovereignFQDN"`
		Object        string `json:"approvalObject"`
		Cost          cost   `json:"cost"`
	}
	err := t.call(toolPlan, struct{}{}, &out)
	var refused *refusal
	switch {
	case waits(err):
		return err
	case errors.As(err, &refused):
		t.say("planfailed", "reason", sentence(refused.Message))
		for i, v := range refused.Violations {
			if i < 3 {
				t.add(sentence(v.Message) + space(v.Suggestion))
			}
		}
		return nil
	case err != nil:
		t.say("toolfailed")
		return nil
	}
	fqdn := keep(out.SovereignFQDN, t.draft.Spec.SovereignFQDN)
	t.draft.ApprovalObject = out.Object
	id := "planned"
	if t.draft.simulated() {
		id = "plannedsim"
	}
	if t.everSaid("planned") || t.everSaid("plannedsim") {
		id = "plannedagain"
	}
	if amount(out.Cost.Monthly) == "" {
		id = "plannednocost"
	}
	t.say(id, "add", strconv.Itoa(out.Add), "fqdn", fqdn, "cost", t.planPrice(&out.Cost), "button", t.approvalButton())
	if d := t.draft.Sizing; d != nil && d.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Shortfall)))
	}
	return nil
}

// planPrice is the plan's price, "at least" where a part has no known price.
func (t *turn) planPrice(c *cost) string {
	if a := amount(c.Monthly); a != "" && len(c.Unknown) > 0 {
		return t.label("value", "least", "cost", a)
	}
	return amount(c.Monthly)
}

// approvalButton names the button that approves the plan as its card does.
func (t *turn) approvalButton() string {
	if t.draft.ApprovalObject == "" {
		return t.label("value", "approvalbutton")
	}
	return t.quote([]string{t.draft.ApprovalObject})
}

// whilePending answers while a plan waits for approval.
func (t *turn) whilePending(u *understanding) error {
	fqdn := t.draft.Spec.SovereignFQDN
	switch {
	case t.quiet(u):
	case u.act("inject"):
		t.say("pendingyes", "button", t.approvalButton())
	case t.replied:
		t.say("pending", "fqdn", fqdn, "button", t.approvalButton())
	case u.act("no") || u.act("cancelplan"):
		t.say("pendingno")
	case u.act("go") && !u.act("approve") && !u.act("yes"):
		t.say("pending", "fqdn", fqdn, "button", t.approvalButton())
	case u.act("yes") || u.act("go") || u.act("approve"):
		t.say("pendingyes", "button", t.approvalButton())
	case len(t.said) > 0 || u.act("dontknow") || u.act("help") || u.act("done") || u.act("repeat") || u.act("progress") || u.act("thanks"):
		t.say("pending", "fqdn", fqdn, "button", t.approvalButton())
	default:
		t.say("notunderstood")
		t.say("pending", "fqdn", fqdn, "button", t.approvalButton())
	}
	return nil
}

// onSystem tells what the service reports, from the draft as it is now.
func (t *turn) onSystem() error { return t.byPhase(t.understand("", t.open)) }

// byPhase says where things stand.
func (t *turn) byPhase(u *understanding) error {
	switch t.draft.phase() {
	case awaiting:
		return t.whilePending(u)
	case building, ready, failed, cancelled, wiped:
		if t.draft.DeploymentStatus == "pending" || len(t.system) > 0 && t.draft.phase() == building {
			t.say("approved", "fqdn", t.draft.Spec.SovereignFQDN)
			return nil
		}
		return t.progress(u)
	}
	switch t.draft.ApprovalState {
	case "declined":
		t.say("declined")
		return nil
	case "expired":
		t.say("expired")
		return t.ask(t.reply("plantitle"), "", t.yesNo(askPlan, t.reply("remind_plan"), "yes", t.reply("nodecision")))
	}
	if t.draft.DeploymentID == "" {
		return t.next(u, true)
	}
	return t.offerPlan()
}

// deployment is what the guide reads of catalyst.deployments.get.
type deployment struct {
	Status    string `json:"status"`
	Reason    string `json:"reason"`
	Resources []struct {
		State string `json:"state"`
	} `json:"resources"`
	Releases []struct {
		Name  string `json:"name"`
		Label string `json:"label"`
		State string `json:"state"`
	} `json:"releases"`
	Spec spec `json:"spec"`
}

// progress tells how far the deployment is.
func (t *turn) progress(u *understanding) error {
	var d deployment
	err := t.call(toolDeployment, map[string]any{"deploymentId": t.draft.DeploymentID}, &d)
	if err != nil {
		if waits(err) {
			return err
		}
		d.Status = t.draft.DeploymentStatus
	}
	fqdn := keep(d.Spec.SovereignFQDN, t.draft.Spec.SovereignFQDN)
	switch status := keep(d.Status, t.draft.DeploymentStatus); status {
	case "ready":
		t.say("ready", "fqdn", fqdn)
	case "failed":
		t.say("failed", "fqdn", fqdn, "reason", keep(sentence(d.Reason), t.reply("noreason")))
	case "cancelled":
		t.say("cancelled", "fqdn", fqdn)
	case "wiped":
		t.say("wiped", "fqdn", fqdn)
	case "awaiting-approval", "planned":
		t.say("pending", "fqdn", fqdn, "button", t.approvalButton())
	default:
		t.say("building", "fqdn", fqdn, "phase", t.phaseLabel(status, &d))
	}
	return nil
}

// phaseLabel is a deployment's phase with the counts that the tool gave.
func (t *turn) phaseLabel(status string, d *deployment) string {
	text := keep(t.labels["phase"][status], status)
	count := func(id string, done, total int) {
		if total > 0 {
			text += ", " + t.label("phase", id, "done", strconv.Itoa(done), "total", strconv.Itoa(total))
		}
	}
	switch status {
	case "tofu-applying", "provisioning":
		done := 0
		for _, r := range d.Resources {
			if r.State == "succeeded" {
				done++
			}
		}
		count("resources", done, len(d.Resources))
	case "phase1-watching", "flux-bootstrapping":
		done := 0
		for _, r := range d.Releases {
			if r.State == "installed" {
				done++
			}
		}
		count("releases", done, len(d.Releases))
	}
	return text
}

// afterApproval answers while a Sovereign is built, and once it is ready: the
// draft is not changed any more.
func (t *turn) afterApproval(u *understanding) error {
	fqdn := t.draft.Spec.SovereignFQDN
	if u.act("progress") { // "how far are you?" is about the building
		u.topics = slices.DeleteFunc(u.topics, func(id string) bool { return id == "distance" || id == "howlong" })
	}
	if err := t.answer(u); err != nil {
		return err
	}
	if t.quiet(u) {
		return nil
	}
	now := t.draft.phase()
	switch {
	case now == building && u.act("cancelplan"):
		t.say("buildingcancel")
	case now == building && (u.changes() || u.act("undo") || u.act("startover")):
		t.say("buildingchange", "fqdn", fqdn)
	case now == ready && (u.changes() || u.act("undo") || u.act("startover")):
		t.say("readychange", "fqdn", fqdn)
		return t.progress(u)
	case t.replied:
	case u.act("thanks") && !u.act("progress"):
	default:
		return t.progress(u)
	}
	return nil
}

// changes is true where the message wants something other than was approved.
func (u *understanding) changes() bool {
	if !u.facts() {
		return false
	}
	for i := range u.msg.asks {
		if m := u.mode(i); m.asks && !m.requests {
			return false
		}
	}
	return true
}

// afterPrice answers wishes about money that are no question.
func (t *turn) afterPrice(u *understanding) error {
	known := t.draft.Estimate != nil && amount(t.draft.Estimate.Monthly) != ""
	switch {
	case u.counts.budget > 0 && known:
		t.replied = true
		return t.weighBudget(u.counts.budget, u.counts.currency)
	case u.counts.budget > 0:
		t.say("budgetlater")
		t.replied = true
	case (u.act("price") || u.act("cheapest")) && !contains(u.topics, "fewer") && !contains(u.topics, "compare") && !contains(u.topics, "free"):
		t.replied = true
		if !known {
			if u.act("price") && !contains(u.topics, "cost") {
				t.costUnknown()
			}
			return nil
		}
		if t.changed && t.was.Estimate != nil && amount(t.was.Estimate.Monthly) != amount(t.draft.Estimate.Monthly) {
			return nil // what was changed has its price said below
		}
		if !contains(u.topics, "cost") && !t.justSaid("costestimate") {
			t.say("costestimate", "cost", amount(t.draft.Estimate.Monthly))
		}
		return t.cheaper()
	}
	return nil
}
