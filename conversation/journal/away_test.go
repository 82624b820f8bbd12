package journal_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/openova-io/sandbox/conversation/journal"
)

// natsAt runs a NATS server on a port; -1 is a free one.
func natsAt(t *testing.T, dir string, port int, jetStream bool) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: jetStream, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

// logged is a log handler that passes the messages on.
type logged chan string

func (l logged) Enabled(context.Context, slog.Level) bool { return true }
func (l logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l logged) WithGroup(string) slog.Handler            { return l }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	select {
	case l <- r.Message:
	default: // nobody waits for so many
	}
	return nil
}

// until waits for a message.
func (l logged) until(t *testing.T, message string) {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		select {
		case m := <-l:
			if m == message {
				return
			}
		case <-late.C:
			t.Fatalf("nobody logged %q", message)
		}
	}
}

// TestFollowOutlivesItsServer: the server goes away, comes back without its
// streams, and then with them. A follower that was there all the time and one that
// began when nothing could answer get every event once.
func TestFollowOutlivesItsServer(t *testing.T) {
	dir := t.TempDir()
	s := natsAt(t, dir, -1, true)
	port := s.Addr().(*net.TCPAddr).Port
	log := make(logged, 1024)
	j, err := journal.Open(t.Context(), journal.Options{URL: s.ClientURL(), Logger: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	last := must(t, j, "conversation.a", 0, said(3)...)

	type follower struct {
		seen []uint64
		some chan struct{} // closed when the events before the end of the server came
		done chan error
	}
	follow := func() *follower {
		f := &follower{some: make(chan struct{}), done: make(chan error, 1)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		go func() {
			defer cancel()
			f.done <- j.Follow(ctx, 0, []string{"conversation.a"}, func(e journal.Event) error {
				f.seen = append(f.seen, e.Seq)
				switch len(f.seen) {
				case 3:
					close(f.some)
				case 6:
					return errEnough
				}
				return nil
			})
		}()
		return f
	}
	first := follow()
	<-first.some
	s.Shutdown()
	s.WaitForShutdown()
	s = natsAt(t, t.TempDir(), port, false)
	log.until(t, "journal reconnected")
	second := follow()
	log.until(t, "following the journal was interrupted; it goes on")
	s.Shutdown()
	s.WaitForShutdown()
	natsAt(t, dir, port, true)
	log.until(t, "journal reconnected")
	must(t, j, "conversation.a", last, said(3)...)
	for _, f := range []*follower{first, second} {
		if err := <-f.done; !errors.Is(err, errEnough) || !slices.Equal(f.seen, []uint64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("got %v, %v", f.seen, err)
		}
	}
}
