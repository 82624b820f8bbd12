package provisioner

import (
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Status is where a deployment is. The names are upstream's, plus planned,
// awaiting-approval and cancelled.
type Status string

// The statuses in their usual order.
const (
	StatusPlanned           Status = "planned"
	StatusAwaitingApproval  Status = "awaiting-approval"
	StatusPending           Status = "pending"
	StatusProvisioning      Status = "provisioning"
	StatusTofuApplying      Status = "tofu-applying"
	StatusFluxBootstrapping Status = "flux-bootstrapping"
	StatusPhase1Watching    Status = "phase1-watching"
	StatusReady             Status = "ready"
	StatusFailed            Status = "failed"
	StatusCancelled         Status = "cancelled"
	StatusWiping            Status = "wiping"
	StatusWiped             Status = "wiped"
)

// InFlight is true while something is being done to the cloud or awaited from
// it, so that a second run for the same Sovereign must wait.
func (s Status) InFlight() bool {
	switch s {
	case StatusPending, StatusProvisioning, StatusTofuApplying, StatusFluxBootstrapping, StatusPhase1Watching, StatusWiping:
		return true
	}
	return false
}

// Final is true when nothing more happens by itself.
func (s Status) Final() bool {
	switch s {
	case StatusReady, StatusFailed, StatusCancelled, StatusWiped:
		return true
	}
	return false
}

// Deployment is the fold of the events of one Sovereign's coming up.
type Deployment struct {
	// ID is 16 lower-case hex characters.
	ID             string        `json:"id"`
	DraftID        string        `json:"draftId,omitempty"`
	ConversationID string        `json:"conversationId,omitempty"`
	Owner          journal.Actor `json:"owner"`
	Cloud          Cloud         `json:"cloud"`
	Spec           Spec          `json:"spec"`
	Status         Status        `json:"status"`
	// Reason is why it failed or was cancelled, in a sentence for a person.
	Reason string `json:"reason,omitempty"`
	// FailedPhase is upstream's name of the phase that it failed or was cancelled
	// in, e.g. tofu-apply; empty otherwise.
	FailedPhase string     `json:"failedPhase,omitempty"`
	CreatedAt   time.Time  `json:"createdAt"`
	StartedAt   *time.Time `json:"startedAt"`
	FinishedAt  *time.Time `json:"finishedAt"`

	Plan     *Plan     `json:"plan,omitempty"`
	Approval *Approval `json:"approval,omitempty"`

	// Resources are the cloud resources, in the order they were planned.
	Resources []Resource `json:"resources,omitempty"`
	// Releases are the HelmReleases of the new cluster, in catalogue order.
	Releases []Release `json:"releases,omitempty"`
	// Outputs are the module's outputs that are not sensitive.
	Outputs    map[string]string `json:"outputs,omitempty"`
	ConsoleURL string            `json:"consoleURL,omitempty"`
	// Links are the console's and the apps' addresses, once ready.
	Links []card.Link `json:"links,omitempty"`
	// Entered is true once a handover token was minted.
	Entered bool `json:"entered,omitempty"`
	// Log holds the newest lines, oldest first.
	Log []LogLine `json:"-"`
	// Seq is the journal sequence that the deployment is as of.
	Seq uint64 `json:"seq"`

	// trace is what only the state machine needs.
	trace trace
}

// Live is true while the deployment owns its domain name: it is under way or
// ready, or something of it is left in the cloud, also while that is planned anew.
func (d Deployment) Live() bool {
	return d.Status.InFlight() || d.Status == StatusReady || d.Status != StatusWiped && d.made() > 0
}

// made counts the resources that exist, or may.
func (d Deployment) made() int {
	n := 0
	for _, r := range d.Resources {
		if r.State != "pending" && !r.refused() {
			n++
		}
	}
	return n
}

// refused is whether the cloud said no to making it, so that it surely does not
// exist.
func (r Resource) refused() bool {
	if r.State != "failed" || r.CloudID != "" {
		return false
	}
	_, ok := refusalOf(r.Error)
	return ok
}

// Plan is a saved OpenTofu plan in words and figures; the plan file itself is
// encrypted in the workdir.
type Plan struct {
	// Digest is the SHA-256 over the saved plan file and its tfvars, in hex. It is
	// what an approval is bound to.
	Digest     string            `json:"digest"`
	CreatedAt  time.Time         `json:"createdAt"`
	Add        int               `json:"add"`
	Change     int               `json:"change"`
	Destroy    int               `json:"destroy"`
	Replace    int               `json:"replace"`
	Changes    []card.PlanChange `json:"changes"`
	Cost       Cost              `json:"cost"`
	Advisories []string          `json:"advisories,omitempty"`
	// Tfvars is the tofu.auto.tfvars.json that was planned, without secrets.
	Tfvars map[string]any `json:"tfvars"`
}

// Approval is a person's consent to exactly one plan.
type Approval struct {
	// CardID is unique to the digest and never reused.
	CardID    string    `json:"cardId"`
	Digest    string    `json:"digest"`
	ExpiresAt time.Time `json:"expiresAt"`
	// State is pending, approved, declined, expired or superseded.
	State string        `json:"state"`
	By    journal.Actor `json:"by,omitzero"`
	// Means is press, words, digest (command line) or voice.
	Means string `json:"means,omitempty"`
	// Words are what the person said, where Means is words or voice.
	Words string     `json:"words,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// Resource is one cloud resource on its way.
type Resource struct {
	Address string `json:"address"`
	Action  string `json:"action"`
	Group   string `json:"group"`
	Label   string `json:"label"`
	// State is pending, running, succeeded or failed.
	State string `json:"state"`
	// CloudID is the provider's id, once there is one.
	CloudID string `json:"cloudId,omitempty"`
	Error   string `json:"error,omitempty"`
}

// Release is one HelmRelease of the new cluster.
type Release struct {
	// Name is the HelmRelease, e.g. "bp-cilium" or "app-nextcloud".
	Name      string   `json:"name"`
	Label     string   `json:"label"`
	DependsOn []string `json:"dependsOn"`
	// App is the slug of the chosen app, empty for the fixed kit.
	App string `json:"app,omitempty"`
	// State is upstream's: pending, installing, installed, degraded or failed.
	State      string     `json:"state"`
	Message    string     `json:"message,omitempty"`
	StartedAt  *time.Time `json:"startedAt,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
}

// LogLine is one line of a deployment's log, in upstream's event shape.
type LogLine struct {
	Time      time.Time `json:"time"`
	Phase     string    `json:"phase"`
	Level     string    `json:"level"`
	Message   string    `json:"message"`
	Component string    `json:"component,omitempty"`
	State     string    `json:"state,omitempty"`
	DependsOn []string  `json:"dependsOn,omitempty"`
}
