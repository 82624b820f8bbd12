package voice

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice/speech"
)

const earModel = "/usr/share/pocketsphinx/model/en-us"

// earDir is where sandbox-ear is built for the package's tests, if one needs it.
var earDir string

var earBinary = sync.OnceValues(func() (path string, err error) {
	if earDir, err = os.MkdirTemp("", "sandbox-ear-"); err != nil {
		return "", err
	}
	path = filepath.Join(earDir, "sandbox-ear")
	cmd := exec.Command("go", "build", "-tags", "pocketsphinx", "-o", path, "../cmd/sandbox-ear")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if earDir != "" {
		if e, err := oneEar(); err == nil {
			_ = e.Close()
		}
		_ = os.RemoveAll(earDir)
	}
	os.Exit(code)
}

// oneEar is the package's: loading a model takes longer than most tests.
var oneEar = sync.OnceValues(func() (*speech.Ear, error) {
	path, err := earBinary()
	if err != nil {
		return nil, fmt.Errorf("building sandbox-ear: %w", err)
	}
	return speech.NewEar(speech.EarOptions{Path: path, Model: earModel, Dir: filepath.Join(earDir, "model"), Pronunciations: speech.Pronunciations(),
		Sentences: append(speech.Corpus("en", map[string][]string{
			"business": {"dental clinic", "hotel", "school"}, "city": {"muscat", "berlin", "dubai"}, "app": {"nextcloud", "a wiki"},
			"region": {"helsinki", "falkenstein", "nuremberg"}, "name": {"al noor dental"},
		}), consentWords...)})
})

func newEar(t testing.TB) *speech.Ear {
	t.Helper()
	needs(t, "flite", "espeak-ng")
	if _, err := os.Stat(earModel); err != nil {
		t.Skip("the recogniser's model is not installed; make packages installs pocketsphinx-en-us")
	}
	e, err := oneEar()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed; make packages installs it", p)
		}
	}
}

// said is a sentence as it was said in the conversation.
type said struct {
	text   string
	counts bool
}

// talk is a conversation with one open question, which understands words as the
// real one does.
type talk struct {
	mu        sync.Mutex
	state     State
	turns     []said
	heard     []string
	cancelled int
	follow    chan Utterance
}

func newTalk(open *card.Question) *talk {
	return &talk{state: State{Language: "en", Open: open}, follow: make(chan Utterance, 16)}
}

func (d *talk) State(_ context.Context, actor journal.Actor, id string) (State, error) {
	if !strings.HasPrefix(id, "c") || actor.Subject != "owner" {
		return State{}, fault.New(fault.NotFound, "there is no such conversation")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state, nil
}

func (d *talk) Say(_ context.Context, _ journal.Actor, _, text string, counts bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turns = append(d.turns, said{text, counts})
	return nil
}

func (d *talk) Cancel(context.Context, journal.Actor, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancelled++
	return nil
}

func (d *talk) Heard(_ context.Context, _ journal.Actor, _, _, text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, text)
	return nil
}

func (d *talk) Follow(ctx context.Context, _ string, fn func(Utterance)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u := <-d.follow:
			fn(u)
		}
	}
}

func (d *talk) Answers(q card.Question, words, language string) Completeness {
	switch conversation.Answers(q, words, language).Kind {
	case conversation.AnswerComplete:
		return Wholly
	case conversation.AnswerPartial:
		return Partly
	}
	return Open
}

// The closed list is the conversation's own, from its data.
func (d *talk) Consenting(string) []string { return slices.Concat(consentWords, refusalWords) }

func (d *talk) Consents(words, language string) bool {
	return conversation.Answers(card.Question{Type: card.AskConsent}, words, language).Value == true
}

func (d *talk) Refuses(words, language string) bool {
	return conversation.Answers(card.Question{Type: card.AskYesNo}, words, language).Value == false
}

func (d *talk) Text(_, name string, args ...any) string {
	texts := map[string]string{
		"call.readback": "You said: %s.", "call.again": "I want to be sure that I heard a yes.",
		"call.button": "Please press the button.", "call.recording.on": "This call is recorded from now on.", "call.recording.off": "It has ended.",
		"call.silence": "Are you still there?", "call.unsure": "I am not sure that I heard you right.",
	}
	if len(args) == 0 {
		return texts[name]
	}
	return fmt.Sprintf(texts[name], args...)
}

// take gives what was said since the last take.
func (d *talk) take() []said {
	d.mu.Lock()
	defer d.mu.Unlock()
	turns := d.turns
	d.turns = nil
	return turns
}

// packets takes what the mouth sends.
type packets struct {
	mu  sync.Mutex
	all int
}

func (p *packets) send([]byte) error {
	p.mu.Lock()
	p.all++
	p.mu.Unlock()
	return nil
}

// bench is a call without a network, whose clock is turned by the test: a frame
// from the person, and one from the agent.
type bench struct {
	t    testing.TB
	call *Call
	talk *talk
}

func newBench(t testing.TB, e *speech.Ear, mouth speech.Synthesizer, d *talk) *bench {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	c := &Call{ID: "test", ConversationID: "c1", Actor: journal.Actor{Kind: journal.Human, Subject: "owner"}, language: "en",
		options: &Options{Dialogue: d}, logger: logger, spoken: map[string]*reply{}, over: map[string]bool{}}
	c.ctx, c.stop = context.WithCancel(t.Context())
	c.ear = &ear{call: c, logger: logger}
	c.mouth = newMouth(mouth, "en", &packets{}, logger)
	c.mouth.ended = func(l *line) { c.ear.said(l) }
	var err error
	if c.ear.listener, err = e.Listen(c.ctx, "en", c.ear.heardPartial); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { c.mouth.make(c.ctx); close(done) }()
	t.Cleanup(func() { c.stop(); <-done; c.ear.close() })
	c.ear.refresh(c.ctx)
	return &bench{t, c, d}
}

// tick is one frame of the clock.
func (b *bench) tick(frame []int16) {
	b.call.mouth.frame()
	b.call.ear.hear(b.call.ctx, frame)
}

// hears plays a sound to the call.
func (b *bench) hears(pcm []int16) {
	for len(pcm) >= heardFrame {
		b.tick(slices.Clone(pcm[:heardFrame]))
		pcm = pcm[heardFrame:]
	}
}

// quiet turns the clock until the agent has said everything, with sound from the
// person if there is one, and then for so many frames of silence.
func (b *bench) quiet(pcm []int16, frames int) {
	for {
		b.call.mouth.mu.Lock()
		left := len(b.call.mouth.lines)
		ready := left > 0 && (len(b.call.mouth.lines[0].frames) > 0 || b.call.mouth.lines[0].whole)
		b.call.mouth.mu.Unlock()
		if left == 0 {
			break
		}
		if !ready { // the clock of the test stands while the voice is made
			continue
		}
		frame := make([]int16, heardFrame)
		if len(pcm) >= heardFrame {
			frame, pcm = slices.Clone(pcm[:heardFrame]), pcm[heardFrame:]
		}
		b.tick(frame)
	}
	for range frames {
		b.tick(make([]int16, heardFrame))
	}
}

// voiceOf is the sound of a sentence, at the rate of the ear, by a voice of flite
// or, with a name like espeak:en-us, of espeak-ng.
func voiceOf(t testing.TB, voice, text string) []int16 {
	t.Helper()
	out := filepath.Join(t.TempDir(), "said.wav")
	cmd := exec.Command("flite", "-voice", voice, "-t", text, "-o", out)
	if name, ok := strings.CutPrefix(voice, "espeak:"); ok {
		cmd = exec.Command("espeak-ng", "-v", name, "-w", out, "--", text)
	}
	if raw, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", voice, err, raw)
	}
	wav, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pcm := speech.PCMSamples(wav[44:])
	rate := int(wav[24]) | int(wav[25])<<8
	if rate == speech.Rate {
		return pcm
	}
	again := make([]int16, len(pcm)*speech.Rate/rate)
	for i := range again {
		at := float64(i) * float64(rate) / speech.Rate
		k := int(at)
		next := pcm[min(k+1, len(pcm)-1)]
		again[i] = int16(float64(pcm[k]) + (at-float64(k))*(float64(next)-float64(pcm[k])))
	}
	return again
}
