package card

// QuestionType is the type of an answer.
type QuestionType string

const (
	// AskText: free text.
	AskText QuestionType = "text"
	// AskChoice: exactly one of Choices.
	AskChoice QuestionType = "choice"
	// AskChoices: any number of Choices.
	AskChoices QuestionType = "choices"
	// AskNumber: a whole number.
	AskNumber QuestionType = "number"
	// AskEmail: an e-mail address; never taken by ear.
	AskEmail QuestionType = "email"
	// AskDomain: a domain name or a label of one; never taken by ear.
	AskDomain QuestionType = "domain"
	// AskYesNo: yes or no, about anything but an approval.
	AskYesNo QuestionType = "yes-no"
	// AskConsent: the approval of one plan; only the person can answer it.
	AskConsent QuestionType = "consent"
	// AskSecret: goes to the vault, never into the conversation.
	AskSecret QuestionType = "secret"
)

// Question is what is being asked, as data.
type Question struct {
	// ID is unique in the conversation.
	ID string `json:"questionId"`
	// Field is the Draft field that the answer sets, as a JSON path of
	// upstream's request, e.g. "orgEmail" or "regions[0].cloudRegion".
	Field string `json:"field,omitempty"`
	// Prompt is the question as a person reads it.
	Prompt  string       `json:"prompt"`
	Type    QuestionType `json:"type"`
	Choices []Choice     `json:"choices,omitempty"`
	// Suggested is the value proposed, if any; Why says why, in a few words.
	Suggested string `json:"suggested,omitempty"`
	Why       string `json:"why,omitempty"`
	Optional  bool   `json:"optional,omitempty"`
}

// Choice is one possible answer.
type Choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
	// Detail is one line under the label.
	Detail string `json:"detail,omitempty"`
	// Unavailable says why it cannot be chosen now; empty means that it can.
	Unavailable string `json:"unavailable,omitempty"`
}

// ChoiceData is the data of a [KindChoice] card: one question answered by a
// press. The press's value is the choice's Value.
type ChoiceData struct {
	Question Question `json:"question"`
}

// FormData is the data of a [KindForm] card: one or more questions answered
// together. The press's value is a JSON object from field to text.
type FormData struct {
	Questions []Question `json:"questions"`
	Submit    string     `json:"submit"`
}

// SecretData is the data of a [KindSecret] card: a form whose values go to the
// vault by POST /api/v1/secrets. When all are stored the client presses the
// card with the value "stored"; "simulated" uses the simulated account.
type SecretData struct {
	Question Question      `json:"question"`
	Fields   []SecretField `json:"fields"`
	// SimulatedAccount is true where the button "Use the simulated account" is
	// offered.
	SimulatedAccount bool `json:"simulatedAccount"`
}

// SecretField is one value that the vault takes.
type SecretField struct {
	// Purpose is the vault's name for it: hetzner-token, object-storage-access-key,
	// object-storage-secret-key, ssh-public-key, hetzner-project-id.
	Purpose string `json:"purpose"`
	Label   string `json:"label"`
	Hint    string `json:"hint,omitempty"`
	// HelpURL leads to the provider's page where the value is made.
	HelpURL string `json:"helpURL,omitempty"`
	// MinLength and MaxLength are in characters; 0 means no limit.
	MinLength int `json:"minLength,omitempty"`
	MaxLength int `json:"maxLength,omitempty"`
	// Generate is true where the service can make the value (an SSH key) and
	// lets the person download the private part once.
	Generate bool `json:"generate,omitempty"`
	// Masked is false for values that are not secret, such as a public key.
	Masked bool `json:"masked"`
}

// PlanData is the data of a [KindPlan] card.
type PlanData struct {
	DeploymentID string `json:"deploymentId"`
	// Digest is the SHA-256 of the saved plan and its tfvars, 64 hex characters.
	Digest        string `json:"digest"`
	SovereignFQDN string `json:"sovereignFQDN"`
	// Simulated is true where no real cloud is touched.
	Simulated bool `json:"simulated"`
	Add       int  `json:"add"`
	Change    int  `json:"change"`
	Destroy   int  `json:"destroy"`
	Replace   int  `json:"replace"`
	// Facts are the plan in plain words: label and value, in reading order.
	Facts []Fact `json:"facts"`
	// Changes are the resources, grouped by Group.
	Changes []PlanChange `json:"changes"`
	// Advisories are warnings that do not stop the plan.
	Advisories []string `json:"advisories,omitempty"`
}

// Fact is one line of a summary.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
	// Field is the Draft field behind it, where there is one.
	Field string `json:"field,omitempty"`
}

// PlanChange is one resource of a plan.
type PlanChange struct {
	Address string `json:"address"`
	// Action is create, update, delete, replace or read.
	Action string `json:"action"`
	// Group is a heading in plain words: Servers, Network, Access.
	Group string `json:"group"`
	// Label is the resource in plain words, e.g. "Worker 1 (cpx32)".
	Label string `json:"label"`
}

// Money is an exact amount. Amount is a decimal string; it is empty where the
// price is unknown, which is shown as unknown and never as zero.
type Money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// CostData is the data of a [KindCost] card. All amounts are net of VAT.
type CostData struct {
	DeploymentID string     `json:"deploymentId"`
	Hourly       Money      `json:"hourly"`
	Monthly      Money      `json:"monthly"`
	Lines        []CostLine `json:"lines"`
	// Before is the monthly cost of what exists now, where something does.
	Before *Money `json:"before,omitempty"`
	// Unknown names the lines whose price is not known; they are not in the sum.
	Unknown     []string `json:"unknown,omitempty"`
	Assumptions []string `json:"assumptions"`
	VATNote     string   `json:"vatNote"`
	// Source is where the prices come from, e.g. "table 2026-09-29".
	Source string `json:"source"`
	// PricesAsOf is an RFC 3339 date; Stale is true when it is over 30 days old.
	PricesAsOf string `json:"pricesAsOf"`
	Stale      bool   `json:"stale"`
	// StopsMeter says what ends the costs.
	StopsMeter string `json:"stopsMeter"`
	Simulated  bool   `json:"simulated"`
}

// CostLine is one priced line.
type CostLine struct {
	Label    string `json:"label"`
	Quantity int    `json:"quantity"`
	// UnitMonthly and Monthly have an empty Amount where the price is unknown.
	UnitMonthly Money `json:"unitMonthly"`
	Monthly     Money `json:"monthly"`
}

// ApprovalData is the data of a [KindApproval] card. The press's value is
// "approve" or "decline". Where Destructive is set the value must be
// "approve:<SovereignFQDN typed by the person>".
type ApprovalData struct {
	Question      Question `json:"question"`
	DeploymentID  string   `json:"deploymentId"`
	SovereignFQDN string   `json:"sovereignFQDN"`
	// Object is what is approved, in words for the button: "Create clinic.omani.works".
	Object  string `json:"object"`
	Monthly Money  `json:"monthly"`
	// ExpiresAt is an RFC 3339 time in UTC.
	ExpiresAt   string `json:"expiresAt"`
	Destructive bool   `json:"destructive"`
	Simulated   bool   `json:"simulated"`
	// State is pending, approved, declined, expired or superseded.
	State string `json:"state"`
}

// ProgressData is the data of a [KindProgress] card: named phases, never a made
// up percentage.
type ProgressData struct {
	DeploymentID string `json:"deploymentId"`
	// Status is upstream's deployment status.
	Status string  `json:"status"`
	Phases []Phase `json:"phases"`
	// Simulated is true where no real cloud is touched.
	Simulated bool `json:"simulated"`
	// Cancellable is true while a cancel would still do something.
	Cancellable bool `json:"cancellable"`
}

// Phase is one step of a deployment.
type Phase struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	// State is pending, running, succeeded, failed or cancelled.
	State string `json:"state"`
	// Done and Total count the phase's parts; Total 0 means that it has none.
	Done  int `json:"done"`
	Total int `json:"total"`
	// StartedAt and FinishedAt are RFC 3339, or empty.
	StartedAt  string `json:"startedAt,omitempty"`
	FinishedAt string `json:"finishedAt,omitempty"`
	// TypicalSeconds is how long it usually takes; 0 where that is not known.
	TypicalSeconds int `json:"typicalSeconds,omitempty"`
	// Detail is the newest line of the phase.
	Detail string `json:"detail,omitempty"`
}

// FlowData is the data of a [KindFlow] card, in upstream's flow contract v1
// with times in milliseconds.
type FlowData struct {
	FlowID string         `json:"flowId"`
	Status string         `json:"status"`
	Nodes  []FlowNode     `json:"nodes"`
	Rels   []Relationship `json:"relationships"`
}

// FlowNode is one release.
type FlowNode struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Status string `json:"status"` // pending, running, succeeded, failed
	Family string `json:"family,omitempty"`
	// Message is the release's newest word, if any.
	Message   string `json:"message,omitempty"`
	StartedAt int64  `json:"startedAt,omitempty"`
	EndedAt   int64  `json:"endedAt,omitempty"`
}

// Relationship is an edge: ToID starts when FromID finishes.
type Relationship struct {
	FromID string `json:"fromId"`
	ToID   string `json:"toId"`
	Type   string `json:"type"`
}

// LinkData is the data of a [KindLink] card.
type LinkData struct {
	Links []Link `json:"links"`
}

// Link is one address. URL is absolute, or a path on this service.
type Link struct {
	Label string `json:"label"`
	URL   string `json:"url"`
	// Primary is true for the one thing to do next.
	Primary bool   `json:"primary,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// ActionRetry is the value of the press that tries a deployment again. It plans
// what is missing and applies nothing.
const ActionRetry = "retry"

// NoticeData is the data of [KindNotice] and [KindError] cards.
type NoticeData struct {
	// Level is info, warning or error.
	Level string `json:"level"`
	// Millis is how long what it tells of took, if that took time.
	Millis int64 `json:"millis,omitempty"`
	// Violations are listed where the notice is about input.
	Violations []NoticeViolation `json:"violations,omitempty"`
	// Actions are what the person can press, none where there is nothing to do. The
	// press's value is the choice's Value.
	Actions []Choice `json:"actions,omitempty"`
	// DeploymentID is the deployment that the notice is about, where it is.
	DeploymentID string `json:"deploymentId,omitempty"`
}

// NoticeViolation is a broken rule, as shown.
type NoticeViolation struct {
	Path       string `json:"path"`
	Message    string `json:"message"`
	Suggestion string `json:"suggestion,omitempty"`
}

// ToolCallData is the data of a [KindToolCall] card: what the agent does, in
// words a person reads.
type ToolCallData struct {
	Tool string `json:"tool"`
	// State is running, succeeded or failed.
	State string `json:"state"`
}

// BashData is the data of a [KindBash] card: one command of a shell session, or
// of an agent. The card of its end replaces the card of its start.
type BashData struct {
	// Command is the command line as it was typed.
	Command string `json:"command"`
	// Dir is where it was typed.
	Dir string `json:"dir,omitempty"`
	// Running is true until it has ended.
	Running bool `json:"running"`
	// Waiting is true while it has not begun, as somebody has to allow it first, and
	// Refused when somebody did not.
	Waiting bool `json:"waiting,omitempty"`
	Refused bool `json:"refused,omitempty"`
	// ExitCode is how it ended; -1 when its session ended first.
	ExitCode *int `json:"exitCode,omitempty"`
	// Output is what it printed, as plain text; of a long one the two ends.
	Output string `json:"output,omitempty"`
	// Skipped is how many bytes are missing between the two ends.
	Skipped int `json:"skipped,omitempty"`
	// FullScreen is true when it used the whole screen, as an editor does; it has
	// no Output then.
	FullScreen bool `json:"fullScreen,omitempty"`
	// StartedAt is RFC 3339 in UTC with milliseconds.
	StartedAt string `json:"startedAt"`
	// Millis is how long it ran, in milliseconds.
	Millis int64 `json:"millis,omitempty"`
}
