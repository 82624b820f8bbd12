package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/journal"
)

// BenchmarkTurn is a turn as the guide does it: two tool calls in two steps and
// an answer, on a journal that syncs every append to disk. The ratio is to one
// bare append of the same journal.
func BenchmarkTurn(b *testing.B) {
	h := open(b)
	h.tool("draft", func(context.Context, conversation.ToolCall) (conversation.ToolResult, error) {
		return conversation.ToolResult{Text: "the draft", Structured: json.RawMessage(`{"id":"x","missing":["orgName"]}`)}, nil
	})
	h.model.then(func(_ context.Context, req conversation.Request, say func(string)) (conversation.Response, error) {
		if m := req.Messages[len(req.Messages)-1]; m.Role == conversation.FromHuman || len(req.Messages)%2 == 0 {
			return conversation.Response{Calls: []conversation.ToolCall{{Name: "draft", Arguments: json.RawMessage(`{}`)}}}, nil
		}
		say("I have put that down. ")
		say("Where are the people?")
		return conversation.Response{Text: "I have put that down. Where are the people?"}, nil
	})
	var turns, bare []time.Duration
	for i := range b.N {
		if i%50 == 0 { // a conversation has some fifty turns
			c, err := h.service.Create(h.ctx, person, conversation.CreateOptions{})
			if err != nil {
				b.Fatal(err)
			}
			h.id = c.ID
		}
		began := time.Now()
		h.say("We are a clinic in Muscat with forty people.")
		turns = append(turns, time.Since(began))
		began = time.Now()
		if _, err := h.journal.Append(h.ctx, fmt.Sprintf("bench.%d", i), 0, journal.New("bench.done", map[string]int{"n": i})); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, time.Since(began))
	}
	b.StopTimer()
	p := func(d []time.Duration, q float64) float64 {
		slices.Sort(d)
		return float64(d[int(q*float64(len(d)-1))].Microseconds())
	}
	b.ReportMetric(p(turns, 0.5), "p50-µs")
	b.ReportMetric(p(turns, 0.99), "p99-µs")
	b.ReportMetric(p(turns, 0.5)/max(p(bare, 0.5), 1), "appends")
}

// BenchmarkIdle is the memory that a conversation takes which nobody is in.
func BenchmarkIdle(b *testing.B) {
	h := open(b)
	const n = 2000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for range 300 { // fill what is kept for the newest ones
		if _, err := h.service.Create(h.ctx, person, conversation.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	before := heap()
	for range n {
		if _, err := h.service.Create(h.ctx, person, conversation.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/n, "B/conversation")
	b.ReportMetric(0, "ns/op")
	for range b.N { // the measure is above
	}
}
