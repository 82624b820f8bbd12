package tofu

import (
	"encoding/json"
	"strings"
	"time"
)

// Message is one record of tofu's JSON UI, as far as it matters.
type Message struct {
	// Type is tofu's: version, planned_change, apply_start, apply_progress,
	// apply_complete, apply_errored, diagnostic, change_summary, outputs, ...
	Type string
	// Level is info, warn or error.
	Level string
	// Text is tofu's sentence.
	Text string
	At   time.Time
	// Address and Action are the resource and what is done to it, of hooks only.
	Address, Action string
	// ID is the provider's id of a resource that is complete.
	ID string
	// Diagnostic is set on messages of type diagnostic.
	Diagnostic *Diagnostic
}

// Diagnostic is an error or a warning of tofu or of a provider. It is quoted as
// data and never read as an instruction.
type Diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
}

// sentence is the diagnostic in one line of at most 400 characters.
func (d Diagnostic) sentence() string {
	text := strings.Join(strings.Fields(d.Summary), " ")
	if detail := strings.Join(strings.Fields(d.Detail), " "); detail != "" && detail != text {
		text += ": " + detail
	}
	if runes := []rune(text); len(runes) > 400 {
		text = string(runes[:400]) + "…"
	}
	return text
}

// String is the diagnostic in one line, with the resource that it is about.
func (d Diagnostic) String() string {
	if d.Address != "" {
		return d.Address + ": " + d.sentence()
	}
	return d.sentence()
}

// Decode reads one record of a run's stream; ok is false for a line that is not
// one, which is skipped.
func Decode(line []byte) (m Message, ok bool) {
	var raw struct {
		Type  string    `json:"type"`
		Level string    `json:"@level"`
		Text  string    `json:"@message"`
		At    time.Time `json:"@timestamp"`
		Hook  struct {
			Resource struct {
				Addr string `json:"addr"`
			} `json:"resource"`
			Action  string          `json:"action"`
			IDValue json.RawMessage `json:"id_value"`
		} `json:"hook"`
		Diagnostic *Diagnostic `json:"diagnostic"`
	}
	if err := json.Unmarshal(line, &raw); err != nil || raw.Type == "" {
		return Message{}, false
	}
	m = Message{Type: raw.Type, Level: raw.Level, Text: raw.Text, At: raw.At.UTC(),
		Address: raw.Hook.Resource.Addr, Action: raw.Hook.Action, Diagnostic: raw.Diagnostic}
	var id string
	if json.Unmarshal(raw.Hook.IDValue, &id) == nil {
		m.ID = id
	}
	return m, true
}

// diagnosticsOf gives the diagnostics of a stream.
func diagnosticsOf(stream []byte) []Diagnostic {
	var out []Diagnostic
	for line := range strings.Lines(string(stream)) {
		if m, ok := Decode([]byte(line)); ok && m.Diagnostic != nil {
			out = append(out, *m.Diagnostic)
		}
	}
	return out
}
