package journal_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkAppend appends one event of some 400 bytes and, turn by turn, makes
// one bare JetStream publish of the same size with the same settings on a server
// of its own. It reports the ratio of the two, with and without sealing.
func BenchmarkAppend(b *testing.B) {
	for name, person := range map[string]string{"open": "", "sealed": "u1"} {
		b.Run(name, func(b *testing.B) {
			j := open(b)
			js := bareStream(b)
			event := said(1)[0]
			event.Data = append(append([]byte(`{"text":"`), make([]byte, 0, 400)...), []byte(pad(220)+`"}`)...)
			event.Metadata.Person = person
			body := []byte(pad(440))
			var last, bareLast uint64
			var ours, bare time.Duration
			for b.Loop() {
				start := time.Now()
				last = must(b, j, "conversation.bench", last, event)
				ours += time.Since(start)

				start = time.Now()
				ack, err := js.Publish(b.Context(), "bare.bench", body, jetstream.WithExpectLastSequencePerSubject(bareLast))
				if err != nil {
					b.Fatal(err)
				}
				bareLast = ack.Sequence
				bare += time.Since(start)
			}
			b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "append-µs")
			b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "bare-µs")
			b.ReportMetric(float64(ours)/float64(bare), "ratio")
		})
	}
}

// BenchmarkLoad reads a history of 500 sealed events.
func BenchmarkLoad(b *testing.B) {
	j := open(b)
	events := said(500)
	for i := range events {
		events[i].Metadata.Person = "u1"
	}
	must(b, j, "conversation.bench", 0, events...)
	for b.Loop() {
		if got, err := j.Load(b.Context(), "conversation.bench"); err != nil || len(got) != 500 {
			b.Fatalf("%d events, %v", len(got), err)
		}
	}
}

// bareStream is JetStream as the journal runs it, without the journal.
func bareStream(b *testing.B) jetstream.JetStream {
	b.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true, NoSigs: true, NoLog: true})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}, AllowDirect: true, AllowAtomicPublish: true}); err != nil {
		b.Fatal(err)
	}
	return js
}

func pad(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	return string(text)
}
