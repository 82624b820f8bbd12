package identity

import (
	"slices"
	"strings"
)

// Capability is one thing that can be allowed. Every operation of the API and every
// MCP tool names exactly one; what names none is refused.
type Capability struct {
	// Name is dotted: area, noun, verb. A tool's capability is the tool's name.
	Name string `json:"name"`
	// Title says in plain words what somebody may do who has it.
	Title string `json:"title"`
	// Person is true where only a signed-in person may do it, in a browser or on
	// their own machine: no personal access token ever can, whatever it was granted.
	// It is what keeps consent, secrets and access to people.
	Person bool `json:"person,omitempty"`
}

// The capabilities that are not granted to anybody.
const (
	// Public is the capability of what everybody may do, signed in or not.
	Public = "public"
	// ClusterKubeconfig is proved by the bearer that a new cluster was given, and by
	// nothing else.
	ClusterKubeconfig = "cluster.kubeconfig.put"
)

// The capabilities that the program itself asks for, outside of routes.
const (
	// Approve is to let a plan be applied, which spends money.
	Approve = "catalyst.deployments.approve"
	// UseConcierge is to hold the concierge's toolbox over MCP; each tool has its
	// own capability besides.
	UseConcierge = "mcp.concierge.use"
	// AttachSession is to type into a developer session that one may look at.
	AttachSession = "sandbox.session.attach"
)

// registry is every capability, by area.
var registry = []Capability{
	{Name: Public, Title: "What everybody may do"},
	{Name: ClusterKubeconfig, Title: "A new cluster reports that it is up"},

	{Name: "identity.self.read", Title: "See who you are signed in as"},
	{Name: "identity.self.export", Title: "Take everything that is kept about you with you", Person: true},
	{Name: "identity.self.erase", Title: "Have everything about you erased", Person: true},
	{Name: "identity.session.list", Title: "See where you are signed in"},
	{Name: "identity.session.end", Title: "Sign out elsewhere", Person: true},
	{Name: "identity.client.allow", Title: "Let a program in for you", Person: true},
	{Name: "identity.token.create", Title: "Make access tokens for programs", Person: true},
	{Name: "identity.token.list", Title: "See your access tokens"},
	{Name: "identity.token.revoke", Title: "Revoke your access tokens"},
	{Name: "identity.outbox.read", Title: "Read the mails that this service would have sent", Person: true},

	{Name: "org.read", Title: "See your Organizations"},
	{Name: "org.create", Title: "Found an Organization", Person: true},
	{Name: "org.change", Title: "Rename the Organization", Person: true},
	{Name: "org.switch", Title: "Work in another Organization of yours", Person: true},
	{Name: "org.member.list", Title: "See the members of the Organization"},
	{Name: "org.member.change", Title: "Change members' roles", Person: true},
	{Name: "org.member.remove", Title: "Remove members", Person: true},
	{Name: "org.invitation.list", Title: "See who is invited"},
	{Name: "org.invitation.create", Title: "Invite people by e-mail", Person: true},
	{Name: "org.invitation.revoke", Title: "Take an invitation back", Person: true},
	{Name: "org.model.change", Title: "Add and remove the Organization's keys of models for coding agents", Person: true},
	{Name: "org.audit.read", Title: "Read what was done in the Organization"},
	{Name: "org.audit.export", Title: "Export what was done in the Organization"},

	{Name: "service.metrics.read", Title: "Read the service's counters"},
	{Name: "sovereign.read", Title: "See the Sovereign"},
	{Name: UseConcierge, Title: "Use the concierge's tools from another program"},

	{Name: "concierge.conversation.create", Title: "Begin conversations with the concierge"},
	{Name: "concierge.conversation.list", Title: "See your conversations"},
	{Name: "concierge.conversation.get", Title: "Read and follow your conversations"},
	{Name: "concierge.conversation.say", Title: "Talk to the concierge"},
	{Name: "concierge.conversation.cancel", Title: "Stop the concierge's answer"},
	{Name: "concierge.recording.list", Title: "See the recordings of your calls"},
	{Name: "concierge.recording.get", Title: "Hear the recordings of your calls", Person: true},
	{Name: "concierge.recording.delete", Title: "Delete recordings of your calls", Person: true},
	{Name: "card.ask", Title: "Ask you questions"},
	{Name: "skills.list", Title: "See the industry packs"},
	{Name: "skills.get", Title: "Read industry packs"},

	{Name: "catalyst.openapi", Title: "Read the description of the API"},
	{Name: "catalyst.draft.get", Title: "Read your drafts of Sovereigns"},
	{Name: "catalyst.draft.set", Title: "Change your drafts of Sovereigns"},
	{Name: "catalyst.subdomains.check", Title: "Check whether a name is free"},
	{Name: "catalyst.sshkey.create", Title: "Make an SSH key pair"},
	{Name: "catalyst.secrets.put", Title: "Put cloud credentials into the vault", Person: true},
	{Name: "catalyst.plan.create", Title: "Draw up plans, with their price"},
	{Name: "catalyst.plan.get", Title: "Read plans"},
	{Name: "catalyst.deployments.create", Title: "Apply plans that a person has approved"},
	{Name: Approve, Title: "Approve or decline plans, which spends money", Person: true},
	{Name: "catalyst.deployments.list", Title: "See the Organization's deployments"},
	{Name: "catalyst.deployments.get", Title: "Look at deployments"},
	{Name: "catalyst.deployments.events", Title: "Read deployments' logs"},
	{Name: "catalyst.deployments.cancel", Title: "Cancel deployments"},
	{Name: "catalyst.deployments.retry", Title: "Try a failed step of a deployment again"},
	{Name: "catalyst.deployments.enter", Title: "Enter a Sovereign as its admin", Person: true},

	{Name: "marketplace.catalog.list", Title: "See what can be chosen"},
	{Name: "marketplace.region.list", Title: "Find regions"},
	{Name: "marketplace.sku.list", Title: "See server sizes and prices"},

	{Name: "sandbox.session.create", Title: "Begin developer sessions"},
	{Name: "sandbox.session.list", Title: "See developer sessions"},
	{Name: "sandbox.session.get", Title: "Look at a developer session"},
	{Name: AttachSession, Title: "Type into developer sessions"},
	{Name: "sandbox.session.change", Title: "Rename developer sessions and share them"},
	{Name: "sandbox.session.end", Title: "End developer sessions"},
	{Name: "sandbox.agent.list", Title: "See the coding agents that can be used"},
	{Name: "sandbox.session.pay", Title: "Add and remove your keys of models for coding agents", Person: true},
}

// Capabilities lists every capability.
func Capabilities() []Capability { return slices.Clone(registry) }

// exists tells whether a grant covers anything: a capability of the registry, or
// one that upstream's plans name. What other services ask for is in areas of their
// own, and is theirs to know.
func exists(grant string) bool {
	if len(Intersect([]string{grant}, ent)) > 0 {
		return true
	}
	area := func(name string) string { first, _, _ := strings.Cut(name, "."); return first }
	ours := false
	for _, c := range registry {
		if Covers(grant, c.Name) {
			return true
		}
		ours = ours || area(c.Name) == area(grant)
	}
	return !ours
}

// CapabilityNamed finds a capability.
func CapabilityNamed(name string) (Capability, bool) {
	i := slices.IndexFunc(registry, func(c Capability) bool { return c.Name == name })
	if i < 0 {
		return Capability{}, false
	}
	return registry[i], true
}
