package provisioner

import (
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// FieldSource is where a draft's field came from.
type FieldSource string

const (
	// Said: the person said it, in words or in a form.
	Said FieldSource = "said"
	// Accepted: it was suggested, and the person agreed.
	Accepted FieldSource = "accepted"
	// Suggested: proposed with a reason; not yet agreed to.
	Suggested FieldSource = "suggested"
	// Default: the product's default, changeable at any time.
	Default FieldSource = "default"
	// Derived: computed from other fields, e.g. the FQDN from the subdomain.
	Derived FieldSource = "derived"
)

// Field is what a draft knows about one field of its Spec.
type Field struct {
	Source FieldSource `json:"source"`
	// Why is the reason of a suggestion, in a sentence.
	Why string `json:"why,omitempty"`
	// Basis is what a suggestion rests on; when it changes, the suggestion is
	// made anew. Empty for what the person said.
	Basis string    `json:"basis,omitempty"`
	At    time.Time `json:"at"`
}

// Change is one change to a draft.
type Change struct {
	// Field is a JSON path of Spec: "orgName", "regions[0].cloudRegion",
	// "regions[0].workerCount", "apps", "haEnabled".
	Field string `json:"field"`
	// Value is text, a number, a boolean or a list of strings, as the field
	// wants it; null clears the field.
	Value any `json:"value"`
	// Source is said, accepted or suggested; empty means said.
	Source FieldSource `json:"source,omitempty"`
	Why    string      `json:"why,omitempty"`
}

// Draft is what is known so far of a Sovereign to be planned. It has the id of
// its conversation.
type Draft struct {
	ID   string `json:"id"`
	Spec Spec   `json:"spec"`
	// Fields has an entry for every field that has a value, by JSON path.
	Fields map[string]Field `json:"fields"`
	// Secrets lists the purposes that the vault holds a value for.
	Secrets []string `json:"secrets"`
	// SimulatedAccount is true when the person chose the simulated account.
	SimulatedAccount bool `json:"simulatedAccount"`
	// Missing are the fields that a plan still needs from the person, the most
	// important first, e.g. ["orgName","orgEmail"]; "account" stands for the cloud
	// credentials.
	Missing []string `json:"missing"`
	// Violations are the rules that the known values break.
	Violations []fault.Violation `json:"violations"`
	// Sizing is the footprint of what will be installed, and the nodes for it.
	Sizing *Sizing `json:"sizing,omitempty"`
	// Estimate is the monthly cost of the draft by the price table; the plan's
	// cost is the one that counts.
	Estimate *Cost `json:"estimate,omitempty"`
	Cloud    Cloud `json:"cloud"`
	// DeploymentID is the newest plan or deployment made from the draft, with its
	// status and the state of its approval; empty before the first plan.
	DeploymentID     string `json:"deploymentId,omitempty"`
	DeploymentStatus Status `json:"deploymentStatus,omitempty"`
	ApprovalState    string `json:"approvalState,omitempty"`
	// ApprovalObject is what the approval's button says, without the price.
	ApprovalObject string `json:"approvalObject,omitempty"`
	// Seq is the journal sequence that the draft is as of.
	Seq uint64 `json:"seq"`
}

// Sizing is how large a Sovereign has to be.
type Sizing struct {
	// MemoryMiB and CPUMillis are the requests of everything that will be
	// installed, per worker set.
	MemoryMiB int `json:"memoryMiB"`
	CPUMillis int `json:"cpuMillis"`
	// Workers of WorkerSize hold it; with high availability also with one lost.
	WorkerSize string `json:"workerSize"`
	Workers    int    `json:"workers"`
	// Parts is what the sum is made of.
	Parts []SizingPart `json:"parts"`
	// DiskGB is what the apps and their databases ask for as volumes.
	DiskGB int `json:"diskGB"`
	// Shortfall says that the Spec's own workers are too few, and how many would
	// do; empty where they suffice. It warns and does not stop a plan.
	Shortfall string `json:"shortfall,omitempty"`
	// Assumptions are the estimates where no figure is known.
	Assumptions []string `json:"assumptions,omitempty"`
}

// SizingPart is one line of a sizing.
type SizingPart struct {
	Name      string `json:"name"`
	MemoryMiB int    `json:"memoryMiB"`
	CPUMillis int    `json:"cpuMillis"`
	// Estimated is true where the figure is ours and not the catalogue's.
	Estimated bool `json:"estimated,omitempty"`
}
