package identity

import "slices"

// The roles of a person in an Organization; upstream's names.
const (
	// RoleSovereignAdmin is the role of the person who owns a Sovereign, and of the
	// owner of the data directory.
	RoleSovereignAdmin = "sovereign-admin"
	// RoleOrgAdmin runs an Organization: its people, its money, its Sovereigns.
	RoleOrgAdmin = "org-admin"
	// RoleOrgDeveloper builds: drafts, plans and developer sessions. What spends
	// money or changes who may do what is not theirs.
	RoleOrgDeveloper = "org-developer"
	// RoleOrgViewer looks.
	RoleOrgViewer = "org-viewer"
	// RoleGuest is somebody who has not signed in yet, in a conversation of their
	// own.
	RoleGuest = "guest"
)

// Roles are the roles that a member of an Organization can have, the mightiest
// first.
func Roles() []string {
	return []string{RoleSovereignAdmin, RoleOrgAdmin, RoleOrgDeveloper, RoleOrgViewer}
}

// Outranks tells whether a role may give or take another: nobody hands on more
// than they have.
func Outranks(role, other string) bool {
	order := Roles()
	mine, theirs := slices.Index(order, role), slices.Index(order, other)
	return mine >= 0 && theirs >= mine
}

// The plans of an Organization; upstream's names.
const (
	PlanFree       = "free"
	PlanPro        = "pro"
	PlanEnterprise = "ent"
)

// talking is what it takes to plan a Sovereign in a conversation.
var talking = []string{
	"identity.self.*", "concierge.*", "card.ask", "skills.*", "catalyst.openapi", "catalyst.draft.*", "catalyst.subdomains.check",
	"catalyst.sshkey.create", "catalyst.plan.*", "catalyst.deployments.list", "catalyst.deployments.get", "catalyst.deployments.events",
	"marketplace.catalog.list", "marketplace.region.list", "marketplace.sku.list",
}

// looking is what a member sees.
var looking = []string{
	"identity.self.*", "identity.session.*", "identity.client.*", "identity.token.*", "org.read", "org.switch", "org.member.list", "sovereign.read",
	"skills.*", "catalyst.openapi", "catalyst.plan.get", "catalyst.deployments.list", "catalyst.deployments.get", "catalyst.deployments.events",
	"marketplace.catalog.list", "marketplace.region.list", "marketplace.sku.list", UseConcierge,
	"sandbox.session.list", "sandbox.session.get", "sandbox.agent.list", "gitea.repo.list", "gitea.repo.get", "gitea.pr.list", "gitea.pr.get",
	"k8s.read.get", "k8s.read.list", "k8s.read.watch", "flux.status", "rag.*",
}

// roles map a role to its grants. What is not here is denied.
var roles = map[string][]string{
	RoleGuest:     talking,
	RoleOrgViewer: looking,
	RoleOrgDeveloper: slices.Concat(looking, talking, []string{
		"catalyst.deployments.create", "catalyst.secrets.put", "org.create", "marketplace.*",
		"sandbox.session.*", "sandbox.db.*", "sandbox.storage.*", "sandbox.preview.*", "sandbox.auth.*", "sandbox.secrets.*",
		"sandbox.deploy.staging", "sandbox.deploy.status", "gitea.*", "k8s.read.*", "flux.reconcile", "flux.status",
	}),
	RoleOrgAdmin: {
		"identity.self.*", "identity.session.*", "identity.client.*", "identity.token.*", "org.*", "sovereign.read", UseConcierge,
		"concierge.*", "card.ask", "skills.*", "catalyst.*", "marketplace.*", "sandbox.*", "gitea.*", "k8s.read.*", "flux.*", "rag.*",
	},
	RoleSovereignAdmin: {
		"identity.*", "org.*", "service.*", "sovereign.*", "mcp.*", "concierge.*", "card.*", "skills.*", "catalyst.*", "marketplace.*",
		"sandbox.*", "gitea.*", "k8s.*", "flux.*", "rag.*",
	},
}

// base is what no plan takes away: signing in, talking, planning, looking after an
// Organization. The plans are for the developer's tools.
var base = []string{
	"identity.*", "org.*", "service.*", "sovereign.*", "mcp.*", "concierge.*", "card.*", "skills.*", "catalyst.*",
	"marketplace.catalog.list", "marketplace.region.list", "marketplace.sku.list", "sandbox.agent.list",
}

// The plans are upstream's lists. Where upstream asks for a capability that is in
// no plan of its (watching and logs of Kubernetes), the next larger plan has it.
var (
	free = []string{
		"gitea.repo.list", "gitea.repo.get", "gitea.pr.list", "gitea.pr.get", "k8s.read.get", "k8s.read.list", "sandbox.session.*",
		"rag.*", "skills.*",
	}
	pro = slices.Concat(free, []string{
		"sandbox.db.*", "sandbox.storage.*", "sandbox.preview.*", "sandbox.auth.*", "sandbox.secrets.*", "marketplace.*", "flux.status",
		"k8s.read.watch", "k8s.read.logs",
	})
	ent = slices.Concat(pro, []string{
		"sandbox.deploy.staging", "sandbox.deploy.production", "sandbox.deploy.status", "sandbox.deploy.rollback", "sandbox.stripe.*",
		"flux.reconcile", "flux.suspend", "flux.resume", "gitea.pr.create", "gitea.pr.merge", "gitea.issue.*",
	})

	plans = map[string][]string{PlanFree: free, PlanPro: pro, PlanEnterprise: ent}
)

// ValidPlan tells whether there is such a plan.
func ValidPlan(plan string) bool { _, ok := plans[plan]; return ok }

// granted is what each role may do with each plan, worked out once: every request
// asks for it.
var granted = func() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for role, mine := range roles {
		out[role] = map[string][]string{"": Intersect(mine, base)}
		for plan, theirs := range plans {
			out[role][plan] = Intersect(mine, slices.Concat(base, theirs))
		}
	}
	return out
}()

// Grants are what a role may do in an Organization with a plan: what the role
// grants, as far as the plan covers it. A role or plan that is not known grants
// nothing beyond what no plan takes away. The owner of a Sovereign is bound by no
// plan.
func Grants(role, plan string) []string {
	if role == RoleSovereignAdmin {
		return reduce(roles[role])
	}
	if !ValidPlan(plan) {
		plan = ""
	}
	return slices.Clone(granted[role][plan])
}
