package guide

import "encoding/json"

// draft is what the guide reads of the draft that catalyst.draft.get gives.
type draft struct {
	Spec             spec             `json:"spec"`
	Fields           map[string]field `json:"fields"`
	Secrets          []string         `json:"secrets"`
	SimulatedAccount bool             `json:"simulatedAccount"`
	Missing          []string         `json:"missing"`
	Violations       []violation      `json:"violations"`
	Sizing           *sizing          `json:"sizing"`
	Estimate         *cost            `json:"estimate"`
	Cloud            string           `json:"cloud"`
	DeploymentID     string           `json:"deploymentId"`
	DeploymentStatus string           `json:"deploymentStatus"`
	ApprovalState    string           `json:"approvalState"`
	ApprovalObject   string           `json:"approvalObject"`

	raw map[string]any // the spec as it came, for taking a change back
}

type spec struct {
	OrgName             string   `json:"orgName"`
	OrgEmail            string   `json:"orgEmail"`
	OrgIndustry         string   `json:"orgIndustry"`
	OrgHeadquarters     string   `json:"orgHeadquarters"`
	OrgSize             int      `json:"orgSize"`
	OrgCompliance       []string `json:"orgCompliance"`
	SovereignFQDN       string   `json:"sovereignFQDN"`
	SovereignDomainMode string   `json:"sovereignDomainMode"`
	SovereignPoolDomain string   `json:"sovereignPoolDomain"`
	SovereignSubdomain  string   `json:"sovereignSubdomain"`
	Region              string   `json:"region"`
	ControlPlaneSize    string   `json:"controlPlaneSize"`
	WorkerSize          string   `json:"workerSize"`
	WorkerCount         *int     `json:"workerCount"`
	HAEnabled           *bool    `json:"haEnabled"`
	Regions             []struct {
		CloudRegion      string `json:"cloudRegion"`
		ControlPlaneSize string `json:"controlPlaneSize"`
		WorkerSize       string `json:"workerSize"`
		WorkerCount      int    `json:"workerCount"`
	} `json:"regions"`
	Apps       []string `json:"apps"`
	Components []string `json:"components"`
}

type field struct {
	Source string `json:"source"`
	Why    string `json:"why"`
}

type violation struct {
	Path       string `json:"path"`
	Rule       string `json:"rule"`
	Value      string `json:"value"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion"`
}

type sizing struct {
	MemoryMiB  int    `json:"memoryMiB"`
	CPUMillis  int    `json:"cpuMillis"`
	WorkerSize string `json:"workerSize"`
	Workers    int    `json:"workers"`
	Shortfall  string `json:"shortfall"`
}

type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

type cost struct {
	Monthly money `json:"monthly"`
	Hourly  money `json:"hourly"`
	Lines   []struct {
		Label    string `json:"label"`
		Quantity int    `json:"quantity"`
		Monthly  money  `json:"monthly"`
	} `json:"lines"`
	Unknown []string `json:"unknown"`
}

// change is one entry of catalyst.draft.set.
type change struct {
	Field  string `json:"field"`
	Value  any    `json:"value"`
	Source string `json:"source,omitempty"`
	Why    string `json:"why,omitempty"`
}

// The fields of a draft that the guide sets.
const (
	fieldName       = "orgName"
	fieldEmail      = "orgEmail"
	fieldIndustry   = "orgIndustry"
	fieldPlace      = "orgHeadquarters"
	fieldSize       = "orgSize"
	fieldCompliance = "orgCompliance"
	fieldSubdomain  = "sovereignSubdomain"
	fieldPool       = "sovereignPoolDomain"
	fieldMode       = "sovereignDomainMode"
	fieldFQDN       = "sovereignFQDN"
	fieldRegion     = "regions[0].cloudRegion"
	fieldWorkers    = "regions[0].workerCount"
	fieldWorkerSize = "regions[0].workerSize"
	fieldCPSize     = "regions[0].controlPlaneSize"
	fieldHA         = "haEnabled"
	fieldApps       = "apps"
	fieldComponents = "components"
	fieldSimulated  = "simulatedAccount"
	missingAccount  = "account"
)

// The fields of questions that are not of the draft.
const (
	askPlan    = "plan"
	askReset   = "reset"
	askAccount = "account"
)

func readDraft(raw json.RawMessage) (draft, error) {
	var d draft
	if err := json.Unmarshal(raw, &d); err != nil {
		return draft{}, err
	}
	var loose struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(raw, &loose); err == nil {
		d.raw = loose.Spec
	}
	return d, nil
}

func (d *draft) simulated() bool { return d.Cloud != "hetzner" }

func (d *draft) region() string {
	if len(d.Spec.Regions) > 0 && d.Spec.Regions[0].CloudRegion != "" {
		return d.Spec.Regions[0].CloudRegion
	}
	return d.Spec.Region
}

// field gives what is known of a field under either of its names.
func (d *draft) field(names ...string) field {
	for _, n := range names {
		if f, ok := d.Fields[n]; ok {
			return f
		}
	}
	return field{}
}

func (d *draft) regionField() field { return d.field(fieldRegion, "region") }

// workers is how many there are, and whether that is known.
func (d *draft) workers() (int, bool) {
	if len(d.Spec.Regions) > 0 && (d.Spec.Regions[0].WorkerSize != "" || d.Spec.Regions[0].WorkerCount > 0 || d.field(fieldWorkers).Source != "") {
		return d.Spec.Regions[0].WorkerCount, true
	}
	if d.Spec.WorkerCount != nil {
		return *d.Spec.WorkerCount, true
	}
	if d.Sizing != nil && d.Sizing.Workers > 0 {
		return d.Sizing.Workers, true
	}
	return 0, false
}

func (d *draft) workerSize() string {
	if len(d.Spec.Regions) > 0 && d.Spec.Regions[0].WorkerSize != "" {
		return d.Spec.Regions[0].WorkerSize
	}
	if d.Spec.WorkerSize != "" {
		return d.Spec.WorkerSize
	}
	if d.Sizing != nil {
		return d.Sizing.WorkerSize
	}
	return ""
}

func (d *draft) controlPlaneSize() string {
	if len(d.Spec.Regions) > 0 && d.Spec.Regions[0].ControlPlaneSize != "" {
		return d.Spec.Regions[0].ControlPlaneSize
	}
	return d.Spec.ControlPlaneSize
}

func (d *draft) ha() bool { return d.Spec.HAEnabled != nil && *d.Spec.HAEnabled }

func (d *draft) missing(name string) bool { return contains(d.Missing, name) }

// regionMissing is true while neither the place nor the region is known.
func (d *draft) regionMissing() bool {
	if d.region() != "" {
		return false
	}
	for _, m := range d.Missing {
		switch m {
		case fieldRegion, "region", "regions", fieldPlace:
			return true
		}
	}
	return true
}

// empty is true while nothing was told.
func (d *draft) empty() bool {
	for _, f := range d.Fields {
		if f.Source != "default" && f.Source != "derived" {
			return false
		}
	}
	return true
}

// phase is how far the draft has come.
type phase int

const (
	drafting phase = iota
	awaiting       // a plan waits for approval
	building
	ready
	failed
	cancelled
	wiped
)

func (d *draft) phase() phase {
	if d.DeploymentID == "" {
		return drafting
	}
	switch d.DeploymentStatus {
	case "awaiting-approval":
		switch d.ApprovalState {
		case "", "pending":
			return awaiting
		}
		return drafting
	case "planned": // being planned, perhaps since before an interruption: there is nothing to approve yet
		return drafting
	case "pending", "provisioning", "tofu-applying", "flux-bootstrapping", "phase1-watching", "wiping":
		return building
	case "ready":
		return ready
	case "failed":
		return failed
	case "cancelled":
		switch d.ApprovalState {
		case "declined", "expired", "superseded":
			return drafting
		}
		return cancelled
	case "wiped":
		return wiped
	}
	return drafting
}
