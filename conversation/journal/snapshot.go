package journal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// snapshotWait is how long the server may be silent in the midst of a snapshot.
	snapshotWait = 30 * time.Second
	// snapshotChunk is the size of a snapshot's pieces, in bytes.
	snapshotChunk = 128 << 10
)

// streams are what a snapshot is of: the events and claims, and the leases, whose
// epochs go on growing.
func streams() []string { return []string{streamName, "KV_" + leaseBucket} }

// snapshotHead is what the server says of a snapshot, which it wants back as it is.
type snapshotHead struct {
	Config json.RawMessage     `json:"config"`
	State  json.RawMessage     `json:"state"`
	Error  *jetstream.APIError `json:"error,omitempty"`
}

// Snapshot writes the whole journal into files of an empty folder. Appends wait
// meanwhile, readers do not. What is personal is sealed there as it is in the
// journal. Faults: [fault.Invalid] for a journal in a cluster, which has its own
// ways, [fault.Unavailable].
func (j *Journal) Snapshot(ctx context.Context, dir string) error {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if j.server == nil {
		return fault.New(fault.Invalid, "the journal is in a NATS cluster").Do("back the streams up there, with nats stream backup")
	}
	j.still.Lock()
	defer j.still.Unlock()
	for _, name := range streams() {
		if err := j.snapshot(ctx, name, dir); err != nil {
			return away(ctx, err)
		}
	}
	return nil
}

func (j *Journal) snapshot(ctx context.Context, name, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, name+".snapshot"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	inbox := j.conn.NewRespInbox()
	sub, err := j.conn.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	request, err := json.Marshal(map[string]any{"deliver_subject": inbox, "no_consumers": true, "jsck": true, "chunk_size": snapshotChunk})
	if err != nil {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	m, err := j.conn.RequestWithContext(asked, "$JS.API.STREAM.SNAPSHOT."+name, request)
	if err != nil {
		return err
	}
	var head snapshotHead
	if err := json.Unmarshal(m.Data, &head); err != nil {
		return err
	}
	if head.Error != nil {
		return head.Error
	}
	for {
		wait, cancel := context.WithTimeout(ctx, snapshotWait)
		m, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			return err
		}
		if len(m.Data) == 0 { // the end, or why there is none
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return fault.New(fault.Unavailable, "the journal's server broke a snapshot off (%s)", status)
			}
			break
		}
		if _, err := f.Write(m.Data); err != nil {
			return err
		}
		if err := m.Respond(nil); err != nil && !errors.Is(err, nats.ErrMsgNoReply) {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	raw, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), raw, 0o600)
}

// Restore makes the folder of a journal from the files of [Journal.Snapshot]. The
// journal's folder must not be there yet. Faults: [fault.Invalid] when the files
// are not a snapshot, [fault.Unavailable] when the server does not take them.
func Restore(ctx context.Context, from string, options Options) error {
	if _, err := os.Lstat(options.Dir); !errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Conflict, "there is a journal already")
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the journal's folder cannot be made")
	}
	j := &Journal{logger: options.Logger, batches: make(chan struct{}, 1)}
	if j.logger == nil {
		j.logger = slog.New(slog.DiscardHandler)
	}
	j.closing, j.close = context.WithCancel(context.Background())
	defer func() { _ = j.Close() }()
	var err error
	if j.server, err = startServer(ctx, filepath.Clean(options.Dir), j.logger); err != nil {
		return err
	}
	if j.conn, err = connect(options, j.server, j.logger); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the journal's server cannot be reached")
	}
	for _, name := range streams() {
		if err := j.restore(ctx, name, from); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) restore(ctx context.Context, name, from string) error {
	damaged := func(err error) error {
		return fault.Wrap(err, fault.Invalid, "the journal's snapshot %s cannot be restored", name)
	}
	head, err := os.ReadFile(filepath.Join(from, name+".json"))
	if err != nil {
		return damaged(err)
	}
	f, err := os.Open(filepath.Join(from, name+".snapshot"))
	if err != nil {
		return damaged(err)
	}
	defer func() { _ = f.Close() }()
	// ask sends one message and reads the server's answer.
	ask := func(subject string, data []byte) (to string, err error) {
		ctx, cancel := context.WithTimeout(ctx, snapshotWait)
		defer cancel()
		m, err := j.conn.RequestWithContext(ctx, subject, data)
		if err != nil {
			return "", fault.Wrap(err, fault.Unavailable, "the journal's server gave no answer to a restore")
		}
		var answer struct {
			DeliverSubject string              `json:"deliver_subject"`
			Error          *jetstream.APIError `json:"error"`
		}
		if len(m.Data) > 0 {
			if err := json.Unmarshal(m.Data, &answer); err != nil {
				return "", damaged(err)
			}
		}
		if answer.Error != nil {
			return "", damaged(answer.Error)
		}
		return answer.DeliverSubject, nil
	}
	to, err := ask("$JS.API.STREAM.RESTORE."+name, head)
	if err != nil {
		return err
	}
	if to == "" {
		return damaged(errors.New("the server does not say where it takes it"))
	}
	chunk := make([]byte, snapshotChunk)
	for {
		n, err := io.ReadFull(f, chunk)
		if n > 0 {
			if _, err := ask(to, chunk[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return damaged(err)
		}
	}
	_, err = ask(to, nil)
	return err
}
