package journal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/openova-io/sandbox/conversation/fault"
)

// maxPayload is the largest message that the embedded server takes, in bytes.
const maxPayload = 4 << 20

// startServer runs a NATS server inside this process. It opens no port: the
// only way in is the in-process connection of [connect].
func startServer(ctx context.Context, dir string, logger *slog.Logger) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName:             "sandbox",
		DontListen:             true,
		JetStream:              true,
		StoreDir:               dir,
		SyncAlways:             true, // an acknowledgement means that the disk has it
		MaxPayload:             maxPayload,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the journal's server cannot be made")
	}
	s.SetLoggerV2(serverLog{logger}, false, false, false)
	s.Start()
	wait := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	if !s.ReadyForConnections(wait) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fault.New(fault.Unavailable, "the journal's server did not start within %s", wait.Round(time.Millisecond)).
			Do("see the log; the disk may be full or the journal's folder not writable")
	}
	return s, nil
}

// connect joins the embedded server s, or the cluster at options.URL.
func connect(options Options, s *server.Server, logger *slog.Logger) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("openova-sandbox"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(2 * time.Second),
		nats.PingInterval(20 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			logger.Warn("journal connection", "error", err, "subject", subject)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logger.Warn("journal disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Info("journal reconnected") }),
	}
	if s != nil {
		return nats.Connect("", append(opts, nats.InProcessServer(s))...)
	}
	if options.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(options.CredentialsFile))
	}
	return nats.Connect(options.URL, opts...)
}

// serverLog passes the server's log on. Its notices are about start and stop
// and only of use when something is being looked for.
type serverLog struct{ to *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.to.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.to.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.to.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.to.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.to.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.to.Debug(fmt.Sprintf(format, v...)) }
