package provisioner

import (
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

// The events of a draft and of a deployment. Data with personal content is
// sealed for the owner.
const (
	eventDraftChanged = "conversation.draft.changed"

	eventCreated            = "deployment.created"
	eventPlanned            = "deployment.planned"
	eventApprovalRequested  = "deployment.approval.requested"
	eventApprovalGranted    = "deployment.approval.granted"
	eventApprovalDeclined   = "deployment.approval.declined"
	eventApprovalExpired    = "deployment.approval.expired"
	eventApprovalSuperseded = "deployment.approval.superseded"
	eventPresented          = "deployment.presented"
	eventStatusChanged      = "deployment.status.changed"
	eventRunStarted         = "deployment.run.started"
	eventRunEnded           = "deployment.run.ended"
	eventResourceChanged    = "deployment.resource.changed"
	eventCancelRequested    = "deployment.cancel.requested"
	eventKubeconfigReceived = "deployment.kubeconfig.received"
	eventReleaseChanged     = "deployment.release.changed"
	eventLogged             = "deployment.logged"
	eventReady              = "deployment.ready"
	eventEntered            = "deployment.entered"
	eventAdopted            = "deployment.adopted"
	eventRetried            = "deployment.retried"
	eventEndShown           = "deployment.end.shown"
)

// draftChanged is the whole draft after a change, without what is derived.
type draftChanged struct {
	DraftID          string           `json:"draftId"`
	Owner            journal.Actor    `json:"owner"`
	Cloud            Cloud            `json:"cloud"`
	Spec             Spec             `json:"spec"`
	Fields           map[string]Field `json:"fields"`
	SimulatedAccount bool             `json:"simulatedAccount"`
	Changes          []Change         `json:"changes"`
}

type created struct {
	DraftID        string        `json:"draftId,omitempty"`
	ConversationID string        `json:"conversationId,omitempty"`
	Owner          journal.Actor `json:"owner"`
	Cloud          Cloud         `json:"cloud"`
	Spec           Spec          `json:"spec"`
}

type planned struct {
	Plan     Plan      `json:"plan"`
	Releases []Release `json:"releases"`
	// Bearer is the SHA-256, in hex, of the bearer that the new cluster posts its
	// kubeconfig with.
	Bearer string `json:"bearer"`
}

type approvalEvent struct {
	CardID    string     `json:"cardId"`
	Digest    string     `json:"digest"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// By is who decided; the envelope's actor carries no address.
	By    *journal.Actor `json:"by,omitempty"`
	Means string         `json:"means,omitempty"`
	Words string         `json:"words,omitempty"`
}

type statusChanged struct {
	Status  Status            `json:"status"`
	Reason  string            `json:"reason,omitempty"`
	Outputs map[string]string `json:"outputs,omitempty"`
}

// runStarted is the intent to apply: it is stored before anything is started.
type runStarted struct {
	Run    string `json:"run"`
	Digest string `json:"digest"`
	// Bearer is set where the plan of this run carries a bearer of its own.
	Bearer string `json:"bearer,omitempty"`
}

type runEnded struct {
	Run         string `json:"run"`
	Code        int    `json:"code"`
	Interrupted bool   `json:"interrupted,omitempty"`
	TimedOut    bool   `json:"timedOut,omitempty"`
	// Lost is true when no process was left and nobody wrote how it ended.
	Lost bool `json:"lost,omitempty"`
}

// cursor says which record of which run an event was made from.
type cursor struct {
	Run string `json:"run,omitempty"`
	// Next is the offset behind the record.
	Next int64 `json:"next,omitempty"`
}

type resourceChanged struct {
	Resource Resource `json:"resource"`
	cursor
}

type logged struct {
	Line LogLine `json:"line"`
	cursor
}

type kubeconfigReceived struct {
	// Purpose is the vault's name of the kubeconfig.
	Purpose string `json:"purpose"`
}

type releaseChanged struct {
	Release Release `json:"release"`
}

type ready struct {
	HandoverURL string      `json:"handoverURL"`
	ConsoleURL  string      `json:"consoleURL"`
	Links       []card.Link `json:"links"`
}

type entered struct {
	JTI string `json:"jti,omitempty"`
}

// retried takes up a deployment that failed or was cancelled: what is missing is
// planned again.
type retried struct {
	// Spec is what is wanted now; the domain name is the same.
	Spec Spec `json:"spec"`
}

type adopted struct {
	Owner journal.Actor `json:"owner"`
}

// by is an actor as it may stand in the open part of an event: without the
// e-mail address.
func by(a journal.Actor) journal.Actor {
	a.Email = ""
	return a
}
