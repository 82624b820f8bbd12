package provisioner

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// Engine plans and applies. [tofu.Engine] is one.
type Engine interface {
	Plan(ctx context.Context, r tofu.Request) (*tofu.Plan, error)
	Verify(ctx context.Context, id, digest string) error
	Apply(ctx context.Context, a tofu.Apply) error
	Follow(ctx context.Context, id, run string, offset int64, fn func([]run.Record) error) (run.Status, error)
	Cancel(ctx context.Context, id, run string) error
	Recover(ctx context.Context, r tofu.Recovery) (*tofu.Recovered, error)
	Outputs(ctx context.Context, id, endpoint string) (map[string]string, error)
	PlanJSON(id string) ([]byte, error)
	Discard(ctx context.Context, id string) error
}

// TofuEngine gives a tofu engine as an [Engine].
func TofuEngine(e *tofu.Engine) Engine { return e }

// Secrets is the vault, as far as it is needed here.
type Secrets interface {
	Put(ctx context.Context, owner, purpose string, value []byte) error
	Reveal(ctx context.Context, owner, purpose string) ([]byte, error)
	Purposes(ctx context.Context, owner string) ([]string, error)
	Delete(ctx context.Context, owner, purpose string) error
}

// Watcher reads posted kubeconfigs and watches clusters. Package bootstrap does
// both.
type Watcher interface {
	// Parse checks a posted kubeconfig strictly; its host must be one of
	// allowedHosts. The fault says what is wrong with it.
	Parse(raw []byte, allowedHosts []string) error
	// Watch calls fn with each HelmRelease as it is and with each change (Name,
	// State, Message and DependsOn are filled in), until ctx ends or fn fails.
	Watch(ctx context.Context, raw []byte, allowedHosts []string, fn func(Release) error) error
}

// Handover is a person on their way to their Sovereign.
type Handover struct {
	FQDN, DeploymentID, Email, Subject, ReturnPath string
	// TrustedKey is the public key (JWK) that the Sovereign was built with.
	TrustedKey string
}

// Minter signs handover tokens.
type Minter interface {
	// PublicJWK is the key that the new Sovereign trusts.
	PublicJWK() string
	MintHandover(ctx context.Context, h Handover) (token string, err error)
}

// Stage is where cards are shown.
type Stage interface {
	Show(ctx context.Context, conversationID string, cards ...card.Card) error
	// Link says that a deployment came of a conversation.
	Link(ctx context.Context, conversationID, deploymentID string) error
}

// Endpoint is how to reach a cloud.
type Endpoint struct {
	// URL is the API, e.g. "https://api.hetzner.cloud/v1"; Token has 64 characters.
	URL, Token string
	// The credentials of the object storage; made up for a simulated cloud where
	// empty.
	ObjectStorageAccessKey, ObjectStorageSecretKey string
}

// HetznerAPI is the address of the real cloud.
const HetznerAPI = "https://api.hetzner.cloud/v1"

// Timeouts bound what is waited for. Zero means the default.
type Timeouts struct {
	// Approval is how long a plan can be approved; 30 minutes.
	Approval time.Duration
	// Apply is how long tofu may take; 30 minutes.
	Apply time.Duration
	// Kubeconfig is how long the new cluster may take to report; 15 minutes.
	Kubeconfig time.Duration
	// Releases is how long everything may take to be installed; 60 minutes.
	Releases time.Duration
	// Console is how long the console may take to answer; 10 minutes.
	Console time.Duration
	// Grace is how long a cancelled apply may take to save its state; 60 seconds.
	Grace time.Duration
}

// Options are what a Service needs. Stage, Logger, Timeouts and Now may be left
// out, and CloudEndpoint for the real cloud.
type Options struct {
	Journal   *journal.Journal
	Vault     Secrets
	Catalogue *Catalogue
	Engine    Engine
	// Cloud is where this service provisions.
	Cloud Cloud
	// CloudEndpoint gives the simulated cloud; it is not asked for Hetzner.
	CloudEndpoint func(ctx context.Context) (Endpoint, error)
	Watcher       Watcher
	Minter        Minter
	// Entrance gives the base address of a Sovereign's console.
	Entrance func(ctx context.Context, d Deployment) (string, error)
	// Stage shows cards; nil shows none.
	Stage Stage
	// Offers asks a cloud for its prices and its stock; nil is [FetchOffer].
	Offers func(ctx context.Context, e Endpoint) (*Offer, error)
	// PublicURL is where people and new clusters reach this service, without a
	// slash at the end.
	PublicURL string
	// DataDir is the service's data directory. The provisioner keeps nothing there
	// itself: its files are the engine's, its state is the journal's.
	DataDir  string
	Logger   *slog.Logger
	Timeouts Timeouts
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Service is the provisioner. Its methods may be used by many goroutines.
type Service struct {
	opts   Options
	log    *slog.Logger
	ledger *ledger
	offers offers

	wake chan string
	mu   sync.Mutex
	stop context.CancelFunc
	done chan struct{}
	end  bool
}

// New checks the options. It starts nothing; see [Service.Run].
func New(opts Options) (*Service, error) {
	switch {
	case opts.Journal == nil, opts.Vault == nil, opts.Catalogue == nil, opts.Engine == nil, opts.Watcher == nil, opts.Minter == nil, opts.Entrance == nil:
		return nil, fault.New(fault.Internal, "the provisioner lacks one of journal, vault, catalogue, engine, watcher, minter and entrance")
	case opts.Cloud != Simulated && opts.Cloud != Hetzner:
		return nil, fault.New(fault.Invalid, "%q is not a cloud", opts.Cloud).Do("use simulated or hetzner").At("cloud")
	case opts.Cloud == Simulated && opts.CloudEndpoint == nil:
		return nil, fault.New(fault.Internal, "the provisioner does not know where the simulated cloud is")
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&opts.Timeouts.Approval, 30 * time.Minute}, {&opts.Timeouts.Apply, 30 * time.Minute},
		{&opts.Timeouts.Kubeconfig, 15 * time.Minute}, {&opts.Timeouts.Releases, time.Hour},
		{&opts.Timeouts.Console, 10 * time.Minute}, {&opts.Timeouts.Grace, time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.PublicURL = strings.TrimSuffix(opts.PublicURL, "/")
	return &Service{opts: opts, log: opts.Logger, ledger: newLedger(opts.Journal), wake: make(chan string, 64)}, nil
}

// Run drives all deployments until ctx ends or the service is closed; first those
// that were under way. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.mu.Lock()
	if s.end || s.done != nil {
		s.mu.Unlock()
		return fault.New(fault.Conflict, "the provisioner runs already, or was closed")
	}
	s.stop, s.done = stop, make(chan struct{})
	s.mu.Unlock()
	defer close(s.done)

	head, err := s.opts.Journal.Head(ctx)
	if err != nil {
		return err
	}
	list, err := s.ledger.all(ctx)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	followed := make(chan error, 1)
	work.Go(func() {
		followed <- s.opts.Journal.Follow(ctx, head, []string{"deployment.*"}, func(e journal.Event) error {
			if err := s.ledger.observe(ctx, e); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "an event of a deployment could not be read", "seq", e.Seq, "error", err)
			}
			if e.Type == eventCreated || e.Type == eventStatusChanged {
				s.rouse(e.Aggregate[len("deployment."):])
			}
			return ctx.Err()
		})
	})

	driven := map[string]bool{}
	left := make(chan string)
	begin := func(d Deployment) {
		if driven[d.ID] || !s.hasWork(d) {
			return
		}
		driven[d.ID] = true
		work.Go(func() {
			s.drive(ctx, d.ID)
			select {
			case left <- d.ID:
			case <-ctx.Done():
			}
		})
	}
	for _, d := range list {
		begin(d)
	}
	for {
		var id string
		select {
		case <-ctx.Done():
			return nil
		case err := <-followed:
			if ctx.Err() != nil {
				return nil
			}
			return fault.Wrap(err, fault.Unavailable, "the provisioner lost the journal")
		case id = <-s.wake:
		case id = <-left:
			delete(driven, id)
		}
		if d, err := s.ledger.get(ctx, id); err == nil {
			begin(d)
		}
	}
}

// rouse makes Run look at a deployment. It never blocks: when the queue is full,
// the journal's follower or the next start will see to it.
func (s *Service) rouse(id string) {
	select {
	case s.wake <- id:
	default:
	}
}

// Close ends Run and waits for it. Runners go on; the next Run finds them.
func (s *Service) Close() error {
	s.mu.Lock()
	s.end = true
	stop, done := s.stop, s.done
	s.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
	return nil
}

// now is the clock, as the journal keeps times.
func (s *Service) now() time.Time { return s.opts.Now().UTC().Truncate(time.Millisecond) }

// Deployment gives one deployment of the actor's Organization. Another's is NotFound.
func (s *Service) Deployment(ctx context.Context, actor journal.Actor, id string) (Deployment, error) {
	d, err := s.ledger.get(ctx, id)
	if err != nil {
		return Deployment{}, err
	}
	if !sees(actor, d.Owner) {
		return Deployment{}, noDeployment(id)
	}
	return d, nil
}

// Deployments lists the deployments of the actor's Organization, the newest first;
// for a part of the service all there are.
func (s *Service) Deployments(ctx context.Context, actor journal.Actor) ([]Deployment, error) {
	all, err := s.ledger.all(ctx)
	if err != nil {
		return nil, err
	}
	own := []Deployment{}
	for _, d := range all {
		if sees(actor, d.Owner) {
			own = append(own, d)
		}
	}
	return own, nil
}

// DeploymentsOf lists the deployments that a person began, in whichever
// Organization.
func (s *Service) DeploymentsOf(ctx context.Context, person journal.Actor) ([]Deployment, error) {
	all, err := s.ledger.all(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(d Deployment) bool { return person.Subject == "" || d.Owner.Subject != person.Subject }), nil
}

// Observe takes in an event of a deployment that the caller has from the journal,
// so that what is read afterwards is not older. An event can be read before the
// one who wrote it knows that it is stored.
func (s *Service) Observe(ctx context.Context, e journal.Event) error {
	return s.ledger.observe(ctx, e)
}

// owns is whether an actor may know of what owner owns. A person's agents act
// with the person's subject, in the person's Organization.
func owns(actor, owner journal.Actor) bool { return actor.Owns(owner) }

// sees is whether an actor may know of a deployment: a draft is a person's, and what
// is built of it the Organization's. Who may do what with it is another question.
func sees(actor, owner journal.Actor) bool {
	return actor.Kind == journal.System || owns(actor, owner) ||
		actor.Subject != "" && owner.OrgID != "" && owner.OrgID == actor.OrgID
}

// endpoint is where the deployment's cloud is, with the owner's credentials.
func (s *Service) endpoint(ctx context.Context, d Deployment) (Endpoint, error) {
	if d.Cloud != Hetzner {
		return s.opts.CloudEndpoint(ctx)
	}
	out := Endpoint{URL: HetznerAPI}
	for purpose, to := range map[string]*string{
		SecretHetznerToken: &out.Token, SecretObjectStorageAccessKey: &out.ObjectStorageAccessKey, SecretObjectStorageSecretKey: &out.ObjectStorageSecretKey,
	} {
		value, err := s.opts.Vault.Reveal(ctx, d.DraftID, purpose)
		if err != nil {
			return Endpoint{}, err
		}
		*to = string(value)
	}
	return out, nil
}

// logLine is an event for the deployment's log.
func (s *Service) logLine(phase, level, message string) journal.Event {
	return journal.New(eventLogged, logged{Line: LogLine{Time: s.now(), Phase: phase, Level: level, Message: message}})
}

// gone is true for errors that only say that the service is stopping.
func gone(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
