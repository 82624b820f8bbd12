package journal

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

// streamName is the one stream that holds every aggregate and every claim.
const streamName = "SANDBOX"

// dedupeWindow is how long the server itself recognises a repeated event id.
// Beyond it the expected sequence does the same, only with a re-read.
const dedupeWindow = 5 * time.Minute

// Sealer seals personal data with a key per person. The vault implements it.
type Sealer interface {
	// Seal encrypts plain with the person's key, making the key on first use.
	Seal(ctx context.Context, person string, plain []byte) ([]byte, error)
	// Unseal decrypts what Seal gave. A key that was destroyed is a
	// [fault.NotFound] fault; the event then reads as erased.
	Unseal(ctx context.Context, person string, sealed []byte) ([]byte, error)
}

// Blinder is what a [Sealer] may also be: it turns a claimed value into a name
// that cannot be guessed without its key. Without it claims use plain SHA-256,
// which hides a value from a reader but not from somebody who tries them all.
type Blinder interface {
	Blind(label string, value []byte) []byte
}

// Options say where a journal lives.
type Options struct {
	// Dir is the folder of the embedded server; it is created with mode 0700.
	// One process owns it at a time, which the caller has to see to.
	Dir string
	// URL joins an existing NATS cluster instead, e.g. "nats://nats.svc:4222".
	// Credentials are part of the URL or of a .creds file in CredentialsFile.
	URL string
	// CredentialsFile is a NATS .creds file; only used with URL.
	CredentialsFile string
	// Replicas of the stream when this journal creates it; 0 is 3 in a cluster
	// and 1 elsewhere.
	Replicas int
	// Sealer seals events that name a person. Without one, appending such an
	// event is refused.
	Sealer Sealer
	// Logger gets the embedded server's warnings; nil discards them.
	Logger *slog.Logger
}

// Journal is an open journal. Its methods may be used by many goroutines.
type Journal struct {
	sealer Sealer
	logger *slog.Logger

	server *server.Server // nil when an existing cluster was joined
	conn   *nats.Conn
	js     jetstream.JetStream
	leases jetstream.KeyValue

	upcasters upcasters
	// batches bounds the atomic batches in flight; a server takes 50 per stream
	// from all its clients together.
	batches chan struct{}
	// still is held for writing while a snapshot is made, so that none has half a batch.
	still sync.RWMutex

	closing context.Context
	close   context.CancelFunc
	once    sync.Once
	mu      sync.Mutex // guards closed against a late wg.Add
	closed  bool
	wg      sync.WaitGroup
}

// Open starts the embedded server in options.Dir, or joins the cluster at
// options.URL, and makes the stream if there is none. Faults: [fault.Invalid]
// when neither or both are given or an existing stream does not fit,
// [fault.Unavailable] when the server cannot be started or reached.
func Open(ctx context.Context, options Options) (*Journal, error) {
	if (options.Dir == "") == (options.URL == "") {
		return nil, fault.New(fault.Invalid, "a journal needs either a folder of its own or the address of a NATS cluster").
			Do("set one of Dir and URL")
	}
	j := &Journal{sealer: options.Sealer, logger: options.Logger, batches: make(chan struct{}, 16)}
	if j.logger == nil {
		j.logger = slog.New(slog.DiscardHandler)
	}
	j.closing, j.close = context.WithCancel(context.Background())
	if err := j.start(ctx, options); err != nil {
		_ = j.Close()
		return nil, err
	}
	return j, nil
}

// start brings up the server, the connection, the stream and the leases.
func (j *Journal) start(ctx context.Context, options Options) error {
	var err error
	if options.Dir != "" {
		if err := os.MkdirAll(options.Dir, 0o700); err != nil {
			return fault.Wrap(err, fault.Unavailable, "the journal's folder cannot be made")
		}
		if j.server, err = startServer(ctx, filepath.Clean(options.Dir), j.logger); err != nil {
			return err
		}
	}
	if j.conn, err = connect(options, j.server, j.logger); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the journal's server cannot be reached")
	}
	if j.js, err = jetstream.New(j.conn); err != nil {
		return fault.Wrap(err, fault.Internal, "the journal's client cannot be made")
	}
	replicas := options.Replicas
	if replicas == 0 {
		replicas = 1
		if j.conn.ConnectedClusterName() != "" {
			replicas = 3
		}
	}
	if err := j.ensureStream(ctx, replicas); err != nil {
		return err
	}
	return j.ensureLeases(ctx, replicas)
}

// ensureStream creates the stream, or checks that the one that is there can do
// what this package relies on.
func (j *Journal) ensureStream(ctx context.Context, replicas int) error {
	stream, err := j.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = j.js.CreateStream(ctx, jetstream.StreamConfig{
			Name:               streamName,
			Description:        "OpenOva Sandbox: every conversation, draft, deployment and session, and the claims on names",
			Subjects:           []string{subjectRoot + ">"},
			Storage:            jetstream.FileStorage,
			Retention:          jetstream.LimitsPolicy,
			Duplicates:         dedupeWindow,
			Replicas:           replicas,
			DenyDelete:         true,
			AllowDirect:        true,
			AllowAtomicPublish: true,
		})
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the journal's stream %s cannot be opened", streamName)
	}
	if c := stream.CachedInfo().Config; !c.AllowAtomicPublish || !c.AllowDirect || c.Storage != jetstream.FileStorage {
		return fault.New(fault.Invalid, "the stream %s that is there is not a journal: it needs file storage, direct gets and atomic batches", streamName).
			Do("give the sandbox an account of its own, or set allow_direct and allow_atomic on the stream")
	}
	return nil
}

// Embedded tells whether this process runs the journal's server itself.
func (j *Journal) Embedded() bool { return j.server != nil }

// Close ends every Follow and Listen, waits for them and for appends under way,
// and stops the embedded server. It may be called more than once; a callback of
// Follow or Listen must not call it.
func (j *Journal) Close() error {
	j.once.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		j.close()
		j.wg.Wait()
		if j.conn != nil {
			j.conn.Close()
		}
		if j.server != nil {
			j.server.Shutdown()
			j.server.WaitForShutdown()
		}
	})
	return nil
}

// enter registers one call, so that Close waits for it, and gives a context
// that also ends when the journal closes. The caller calls leave when done.
func (j *Journal) enter(ctx context.Context) (_ context.Context, leave func(), _ error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, nil, errClosed()
	}
	j.wg.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(j.closing, func() { cancel(errClosed()) })
	return ctx, func() {
		unhook()
		cancel(nil)
		j.wg.Done()
	}, nil
}

func errClosed() error {
	return fault.New(fault.Unavailable, "the journal is closing").Do("try again in a moment")
}
