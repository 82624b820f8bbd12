package provisioner

// Spec is a request for a Sovereign: upstream's POST /api/v1/deployments body
// without its secrets, plus what upstream's wizard asks and does not send (the
// Organization's profile, apps and components). Secrets are in the vault, by
// purpose, under the draft.
type Spec struct {
	OrgName  string `json:"orgName,omitempty"`
	OrgEmail string `json:"orgEmail,omitempty"`
	// OrgIndustry is an industry slug of the catalogue.
	OrgIndustry string `json:"orgIndustry,omitempty"`
	// OrgHeadquarters is where the people are, in words: "Muscat, Oman".
	OrgHeadquarters string `json:"orgHeadquarters,omitempty"`
	// OrgSize is how many people use it; 0 is unknown.
	OrgSize int `json:"orgSize,omitempty"`
	// OrgCompliance are regimes that the person named, e.g. "GDPR".
	OrgCompliance []string `json:"orgCompliance,omitempty"`

	SovereignFQDN string `json:"sovereignFQDN,omitempty"`
	// SovereignDomainMode is pool, byo-manual or byo-api.
	SovereignDomainMode string `json:"sovereignDomainMode,omitempty"`
	SovereignPoolDomain string `json:"sovereignPoolDomain,omitempty"`
	SovereignSubdomain  string `json:"sovereignSubdomain,omitempty"`

	// Provider is hetzner; the catalogue knows others, none can be applied here.
	Provider         string `json:"provider,omitempty"`
	HetznerProjectID string `json:"hetznerProjectID,omitempty"`

	// Region, ControlPlaneSize, WorkerSize and WorkerCount mirror Regions[0], for
	// upstream's older readers; Normalize keeps them in step.
	Region           string `json:"region,omitempty"`
	ControlPlaneSize string `json:"controlPlaneSize,omitempty"`
	WorkerSize       string `json:"workerSize,omitempty"`
	WorkerCount      *int   `json:"workerCount,omitempty"`

	StorageClass string `json:"storageClass,omitempty"`
	// HAEnabled: three control-plane nodes instead of one.
	HAEnabled *bool `json:"haEnabled,omitempty"`
	// BCPTopology is single-region, active-hotstandby or active-active.
	BCPTopology             string `json:"bcpTopology,omitempty"`
	MarketplaceEnabled      *bool  `json:"marketplaceEnabled,omitempty"`
	ConsoleIsolationEnabled *bool  `json:"consoleIsolationEnabled,omitempty"`
	EnableSharedPostgres    *bool  `json:"enableSharedPostgres,omitempty"`

	Regions []Region `json:"regions,omitempty"`

	// SSHPublicKey is an OpenSSH public key line. It is not secret.
	SSHPublicKey string `json:"sshPublicKey,omitempty"`

	ObjectStorageRegion string `json:"objectStorageRegion,omitempty"`
	ObjectStorageBucket string `json:"objectStorageBucket,omitempty"`

	// Apps and Components are slugs of the catalogue.
	Apps       []string `json:"apps"`
	Components []string `json:"components"`
}

// Region is one place that the Sovereign runs in.
type Region struct {
	Provider         string `json:"provider"`
	CloudRegion      string `json:"cloudRegion"`
	ControlPlaneSize string `json:"controlPlaneSize"`
	WorkerSize       string `json:"workerSize"`
	// WorkerCount is 0 to 50.
	WorkerCount int `json:"workerCount"`
}

// The purposes under which secrets of a draft are kept in the vault.
const (
	SecretHetznerToken           = "hetzner-token"             // exactly 64 characters
	SecretObjectStorageAccessKey = "object-storage-access-key" // 16 to 64 characters
	SecretObjectStorageSecretKey = "object-storage-secret-key" // 32 to 128 characters
)

// Cloud says what is behind the provider.
type Cloud string

const (
	// Simulated is the local Hetzner Cloud simulator. No money is spent.
	Simulated Cloud = "simulated"
	// Hetzner is the real cloud.
	Hetzner Cloud = "hetzner"
)
