package speech

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// queueTime is how much sound may wait for an engine that is slower than real
	// time, before the utterance is given up.
	queueTime = 20 * time.Second
	// earStart is how long an ear may take to load its model.
	earStart = 30 * time.Second
	// earAnswer is how long an ear may take over the end of an utterance.
	earAnswer = 10 * time.Second
)

// EarOptions say how ears are run.
type EarOptions struct {
	// Path is the sandbox-ear binary.
	Path string
	// Model is the folder of pocketsphinx-en-us, as Debian installs it.
	Model string
	// Dir is where the language model is written for the ears; it is made.
	Dir string
	// Sentences are what is likely to be said, for the language model.
	Sentences []string
	// Pronunciations are the sounds (CMU phones) of words that no dictionary has.
	Pronunciations map[string]string
	// Spare is how many ears are kept loaded for calls to come; 1.
	Spare int
	// Most is how many calls can be heard at once; 8.
	Most int
	// Logger gets no word that was said; nil discards.
	Logger *slog.Logger
}

// Ear is a [Recognizer] whose engines are sandbox-ear processes. One is loaded
// ahead, since that takes about a second; one that died is replaced.
type Ear struct {
	o     EarOptions
	known map[string]bool
	slots chan struct{}

	mu     sync.Mutex
	spare  []*earProcess
	closed bool
	work   sync.WaitGroup
}

// NewEar writes the language model and begins to load the first ears. Faults:
// [fault.Unavailable] when a part is not installed.
func NewEar(o EarOptions) (*Ear, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Spare == 0 {
		o.Spare = 1
	}
	if o.Most == 0 {
		o.Most = 8
	}
	missing := func(err error, what, how string) error {
		return fault.Wrap(err, fault.Unavailable, "%s is missing, so calls cannot be heard", what).(*fault.Error).Do("%s", how)
	}
	if _, err := os.Stat(o.Path); err != nil {
		return nil, missing(err, "sandbox-ear", "make build builds it where libpocketsphinx-dev is installed")
	}
	known, err := dictionary(filepath.Join(o.Model, "cmudict-en-us.dict"))
	if err != nil {
		return nil, missing(err, "the recogniser's model", "install the Debian package pocketsphinx-en-us")
	}
	e := &Ear{o: o, known: known, slots: make(chan struct{}, o.Most)}
	if err := e.write(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the recogniser's language model cannot be written")
	}
	e.refill()
	return e, nil
}

// dictionary reads which words have a pronunciation.
func dictionary(path string) (map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known := map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if word, _, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasSuffix(word, ")") {
			known[word] = true
		}
	}
	return known, lines.Err()
}

// write makes the language model and the added pronunciations: those that are
// given, and a guess for every other word that no dictionary has. A sentence with
// a word that nobody can pronounce could never be heard and is left out.
func (e *Ear) write() error {
	var dict strings.Builder
	add := func(word, phones string) {
		if !e.known[word] && phones != "" {
			e.known[word] = true
			dict.WriteString(word + " " + phones + "\n")
		}
	}
	for _, word := range slices.Sorted(maps.Keys(e.o.Pronunciations)) {
		for _, w := range Words(word) {
			add(w, e.o.Pronunciations[word])
		}
	}
	var sentences []string
	for _, s := range e.o.Sentences {
		ok := true
		for _, w := range Words(s) {
			add(w, Sounds(w))
			ok = ok && e.known[w]
		}
		if ok {
			sentences = append(sentences, s)
		}
	}
	if err := os.MkdirAll(e.o.Dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(e.dict(), []byte(dict.String()), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(e.arpa(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(NewLanguageModel(sentences).WriteARPA(f), f.Close())
}

func (e *Ear) arpa() string { return filepath.Join(e.o.Dir, "domain.arpa") }
func (e *Ear) dict() string { return filepath.Join(e.o.Dir, "domain.dict") }

// Name is "pocketsphinx".
func (*Ear) Name() string { return "pocketsphinx" }

// Listen implements [Recognizer].
func (e *Ear) Listen(ctx context.Context, language string, partial func(string)) (Listener, error) {
	if l, _, _ := strings.Cut(strings.ToLower(language), "-"); l != "en" {
		return nil, fault.New(fault.Invalid, "the embedded recogniser hears English only, not %q", language).Do("type, or configure a speech service")
	}
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, fault.New(fault.Limited, "all %d ears are taken", e.o.Most).Do("type, or call again in a few minutes")
	}
	p, err := e.take(ctx)
	if err != nil {
		<-e.slots
		return nil, err
	}
	l := &earListener{ear: e, process: p, partial: partial}
	p.attach(l.hear)
	return l, nil
}

// take gives a loaded ear.
func (e *Ear) take(ctx context.Context) (*earProcess, error) {
	e.mu.Lock()
	var p *earProcess
	for len(e.spare) > 0 && p == nil {
		p, e.spare = e.spare[0], e.spare[1:]
		if p.dead() {
			p = nil
		}
	}
	e.mu.Unlock()
	if p == nil {
		var err error
		if p, err = startEar(e.o, e.arpa(), e.dict()); err != nil {
			return nil, err
		}
	}
	e.refill()
	select {
	case <-p.ready:
		return p, nil
	case <-p.gone:
		p.close()
		return nil, p.fault()
	case <-ctx.Done():
		p.close()
		return nil, ctx.Err()
	case <-time.After(earStart):
		p.close()
		return nil, fault.New(fault.Unavailable, "the recogniser did not load its model within %v", earStart)
	}
}

// refill loads ears ahead.
func (e *Ear) refill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.closed && len(e.spare) < e.o.Spare {
		p, err := startEar(e.o, e.arpa(), e.dict())
		if err != nil {
			e.o.Logger.Warn("an ear cannot be started ahead", "error", err.Error())
			return
		}
		e.spare = append(e.spare, p)
	}
}

// Close implements [Recognizer].
func (e *Ear) Close() error {
	e.mu.Lock()
	e.closed = true
	spare := e.spare
	e.spare = nil
	e.mu.Unlock()
	for _, p := range spare {
		p.close()
	}
	return nil
}

// earProcess is one sandbox-ear. Its two goroutines end with it.
type earProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	queue chan earFrame
	ready chan struct{}
	gone  chan struct{} // closed when nothing more comes from it
	stop  sync.Once
	done  sync.WaitGroup

	mu  sync.Mutex
	fn  func(FrameKind, []byte)
	err error
}

type earFrame struct {
	kind    FrameKind
	payload []byte
}

func startEar(o EarOptions, arpa, dict string) (*earProcess, error) {
	cmd := exec.Command(o.Path, o.Model, arpa, dict)
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the recogniser cannot be started")
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the recogniser cannot be started")
	}
	p := &earProcess{cmd: cmd, in: in, ready: make(chan struct{}), gone: make(chan struct{}),
		queue: make(chan earFrame, int(queueTime/(20*time.Millisecond)))}
	p.done.Go(func() { p.write() })
	p.done.Go(func() { p.read(bufio.NewReader(out)) })
	return p, nil
}

func (p *earProcess) write() {
	for {
		select {
		case <-p.gone:
			return
		case f := <-p.queue:
			if WriteFrame(p.in, f.kind, f.payload) != nil {
				_ = p.cmd.Process.Kill()
				return
			}
		}
	}
}

func (p *earProcess) read(out io.Reader) {
	defer close(p.gone)
	for {
		kind, payload, err := ReadFrame(out)
		if err == nil && kind == FrameError {
			err = errors.New(string(payload))
		}
		p.mu.Lock()
		if err != nil {
			p.err = err
			p.mu.Unlock()
			_ = p.cmd.Process.Kill()
			return
		}
		fn := p.fn
		p.mu.Unlock()
		if kind == FrameReady {
			close(p.ready)
		} else if fn != nil {
			fn(kind, payload)
		}
	}
}

func (p *earProcess) attach(fn func(FrameKind, []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fn = fn
}

func (p *earProcess) dead() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func (p *earProcess) fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fault.Wrap(p.err, fault.Unavailable, "the recogniser ended")
}

// send queues a frame without waiting.
func (p *earProcess) send(kind FrameKind, payload []byte) error {
	if p.dead() {
		return p.fault()
	}
	select {
	case p.queue <- earFrame{kind, payload}:
		return nil
	default:
		return fault.New(fault.Limited, "the recogniser is slower than the speech")
	}
}

// close ends the process and waits for it.
func (p *earProcess) close() {
	p.stop.Do(func() {
		_ = p.cmd.Process.Kill()
		p.done.Wait()
		_ = p.cmd.Wait()
	})
}

// earListener is one call's ear.
type earListener struct {
	ear     *Ear
	process *earProcess
	partial func(string)

	mu        sync.Mutex
	utterance uint32
	running   bool  // takes sound
	open      bool  // its words are awaited
	failed    error // of the utterance that is running
	final     chan EarFinal
	closed    bool
}

// hear takes what the process says; it is called by the process's reader.
func (l *earListener) hear(kind FrameKind, payload []byte) {
	switch kind {
	case FramePartial:
		l.mu.Lock()
		open := l.open
		l.mu.Unlock()
		if open && l.partial != nil {
			l.partial(string(payload))
		}
	case FrameFinal:
		var f EarFinal
		if json.Unmarshal(payload, &f) != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if f.Utterance == l.utterance && l.final != nil {
			l.open = false
			select {
			case l.final <- f:
			default:
			}
		}
	}
}

// Begin implements [Listener]. An ear that died is replaced.
func (l *earListener) Begin(x Expectation) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process.dead() {
		l.process.close()
		p, err := l.ear.take(context.Background())
		if err != nil {
			return err
		}
		p.attach(l.hear)
		l.process = p
	}
	l.utterance++
	raw, err := json.Marshal(EarBegin{Utterance: l.utterance, Grammar: Grammar(x.Phrases, func(w string) bool { return l.ear.known[w] })})
	if err != nil {
		return err
	}
	l.final, l.failed, l.running, l.open = make(chan EarFinal, 1), nil, true, true
	return l.process.send(FrameBegin, raw)
}

// Hear implements [Listener].
func (l *earListener) Hear(pcm []int16) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running {
		return fault.New(fault.Invalid, "no utterance has begun")
	}
	if l.failed == nil {
		l.failed = l.process.send(FrameAudio, PCMBytes(pcm))
	}
	return l.failed
}

// End implements [Listener].
func (l *earListener) End(ctx context.Context) (Result, error) {
	l.mu.Lock()
	if !l.running {
		l.mu.Unlock()
		return Result{}, fault.New(fault.Invalid, "no utterance has begun")
	}
	l.running = false
	err, final, p := l.failed, l.final, l.process
	if err == nil {
		err = p.send(FrameEnd, nil)
	}
	l.mu.Unlock()
	if err != nil {
		l.Cancel()
		return Result{}, err
	}
	late := time.NewTimer(earAnswer)
	defer late.Stop()
	select {
	case f := <-final:
		return Result{Text: f.Text, Confidence: f.Confidence}, nil
	case <-p.gone:
		return Result{}, p.fault()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case <-late.C:
		_ = p.cmd.Process.Kill() // it hangs; the next utterance has another
		return Result{}, fault.New(fault.Unavailable, "the recogniser did not answer within %v", earAnswer)
	}
}

// Cancel implements [Listener].
func (l *earListener) Cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running, l.open = false, false
	_ = l.process.send(FrameCancel, nil)
}

// Close implements [Listener].
func (l *earListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	l.process.close()
	<-l.ear.slots
	return nil
}
