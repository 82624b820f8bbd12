package voice

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/voice/speech"
)

// interruptAfter is how much voice interrupts the agent, if there is a word in it.
const interruptAfter = 200 * time.Millisecond

// holeTime is after how long without a packet the clock goes on by itself: more
// than what packets are late by, less than any pause that ends a turn.
const holeTime = 240 * time.Millisecond

// surely is how confident the ear is, from 0 to 1, of words that are a turn without
// being looked at.
// Words over the agent's voice have to be clearer: what is behind them is more often
// something else.
const (
	surely     = 0.3
	surelyOver = 0.45
)

// mostHeard bounds what is kept of an utterance, in frames: 15 s.
const mostHeard = 15 * 1000 / frameTime

// nothing is a frame in which nothing was heard.
var nothing [heardFrame]int16

// ear turns what the person says into turns of the conversation.
type ear struct {
	call     *Call
	listener speech.Listener
	browser  browser
	logger   *slog.Logger
	cutter   endpointer
	hearing  bool
	// closedSet: what is heard now is heard by the grammar of a question.
	closedSet bool
	// got is how loud the last frames were; in the running utterance so many frames had
	// a voice, and so many of them the agent's own.
	got            levels
	voiced, itsOwn int
	// heard is the running utterance, where it may have to be heard once more.
	keeps bool
	heard [][]int16
	// early is what a glance has heard of it.
	early *speech.Result
	// Of the last utterance: how long its end was waited for, how far it then answered,
	// and how long its words took.
	waited  time.Duration
	answers Completeness
	took    time.Duration

	mu   sync.Mutex
	open *card.Question
	// partial is what the running utterance is so far, and how far that answers.
	partial string
	far     Completeness
	// before is what a glance has heard of it.
	before string
	// overlapped: the agent was heard while the person spoke.
	overlapped bool
	paused     bool
	// halted: it was paused by a word that wants nothing else.
	halted  bool
	voice   time.Duration
	consent asking
	// unsure are words that the person was asked about.
	unsure string
	// lately is what the agent said in the last seconds, for telling an echo.
	lately []utteredAt
}

type utteredAt struct {
	text string
	at   time.Time
}

// heardPartial takes the words so far; it is called by the engine.
func (e *ear) heardPartial(text string) {
	e.mu.Lock()
	if e.before != "" {
		text = strings.TrimSpace(e.before + " " + text)
	}
	e.partial = text
	if e.browser.tells() { // better words, but later: what interrupts is for these to say
		e.mu.Unlock()
		return
	}
	e.far = Open
	if e.open != nil {
		e.far = e.call.options.Dialogue.Answers(*e.open, text, e.call.language)
	}
	e.mu.Unlock()
	e.call.tell(Event{Type: "caption", Who: "person", Text: text})
}

// said takes a line that was heard to its end.
func (e *ear) said(l *line) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lately = append(e.lately, utteredAt{l.text, time.Now()})
	if len(e.lately) > 8 {
		e.lately = e.lately[1:]
	}
	e.consent.said(l)
}

// shown takes a card that was shown.
func (e *ear) shown(u Utterance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case u.Card.Kind == card.KindCost && u.Card.Speech != "":
		e.consent.expectPrice(u.TurnID)
	case u.Card.Kind == card.KindApproval:
		e.consent.shown(u.TurnID)
	}
}

// asks marks a line that is the question for consent.
func (e *ear) asks(l *line) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.part == plain && e.consent.prompt != "" && strings.Contains(e.consent.prompt, l.text) {
		l.part = consent
	}
}

// refresh asks the conversation what is open.
func (e *ear) refresh(ctx context.Context) {
	s, err := e.call.options.Dialogue.State(ctx, e.call.Actor, e.call.ConversationID)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.open = s.Open
	prompt := e.consent.open(s.Open)
	e.mu.Unlock()
	if prompt != "" {
		e.call.mouth.mark(func(l *line) { e.asks(l) })
	}
}

// expectation is what would answer the open question, where that is a closed set.
func (e *ear) expectation() speech.Expectation {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.consent.heard() {
		return speech.Expectation{Phrases: e.call.options.Dialogue.Consenting(e.call.language)}
	}
	return speech.Expectation{}
}

// run hears frames until ctx ends.
func (e *ear) run(ctx context.Context, frames <-chan []int16) {
	e.refresh(ctx)
	hole := time.NewTimer(holeTime)
	defer hole.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case frame := <-frames:
			hole.Reset(holeTime)
			e.hear(ctx, frame)
		case <-hole.C:
			hole.Reset(frameTime * time.Millisecond)
			e.hear(ctx, nil)
		}
	}
}

// hear takes one frame of the clock; nil is one in which nothing came.
func (e *ear) hear(ctx context.Context, frame []int16) {
	e.mu.Lock()
	far := e.far
	e.mu.Unlock()
	e.got.add(frame)
	var cut cut
	if frame != nil {
		cut = e.cutter.hear(frame, far)
	} else if cut = e.cutter.miss(far); e.hearing {
		frame = nothing[:]
	}
	if cut.begins != nil {
		e.hearing = e.begin(cut.begins)
	} else if e.hearing && frame != nil {
		if err := e.listen(frame); err != nil {
			e.logger.Warn("an utterance was lost", "error", err.Error())
			e.listener.Cancel()
			e.hearing = false
		}
	}
	if e.hearing {
		e.bargeIn(cut.voice)
	}
	if e.hearing && !cut.ends && e.glances() {
		e.glance(ctx)
	}
	if cut.ends && e.hearing {
		e.hearing = false
		e.waited, e.answers = cut.silence, far
		e.end(ctx, cut.speech)
	}
}

// listen gives a frame to the engine, and keeps it where it may be needed again.
func (e *ear) listen(frame []int16) error {
	if e.keeps && len(e.heard) < mostHeard {
		e.heard = append(e.heard, frame)
	}
	return e.listener.Hear(frame)
}

// begin starts an utterance.
func (e *ear) begin(frames [][]int16) bool {
	x := e.expectation()
	e.closedSet, e.heard, e.voiced, e.itsOwn = len(x.Phrases) > 0, nil, 0, 0
	if err := e.listener.Begin(x); err != nil {
		e.logger.Warn("an utterance cannot be heard", "error", err.Error())
		return false
	}
	now := e.call.mouth.echoes()
	e.keeps, e.early = e.closedSet || now, nil
	e.browser.begins(now || e.closedSet)
	e.mu.Lock()
	e.before = ""
	e.partial, e.far, e.overlapped, e.paused, e.halted, e.voice = "", Open, now, false, false, 0
	e.mu.Unlock()
	for _, f := range frames {
		if err := e.listen(f); err != nil {
			e.listener.Cancel()
			return false
		}
	}
	e.call.lives()
	e.call.record(func(r *recorder) { r.begins(human, "") })
	e.call.tell(Event{Type: "state", State: "hearing"})
	return true
}

// bargeIn pauses the agent when a person speaks words over it.
func (e *ear) bargeIn(voice bool) {
	now, firm := e.call.mouth.speaking()
	own := false
	if voice {
		played := e.call.mouth.played()
		own = e.got.follows(&played)
		if e.voiced++; own {
			e.itsOwn++
		}
	}
	e.mu.Lock()
	if voice {
		e.voice += frameTime * time.Millisecond
	}
	e.overlapped = e.overlapped || now
	pause := voice && now && !firm && !own && !e.paused && e.voice >= interruptAfter && interrupts(e.partial) && !e.echo(e.partial)
	e.mu.Unlock()
	if pause && e.call.mouth.pause() {
		e.mu.Lock()
		e.paused = true
		e.halted = halts(speech.Words(e.partial))
		e.mu.Unlock()
	}
}

// says tells whether the agent has just said one of the words.
func (e *ear) says(text string) bool {
	words := speech.Words(text)
	said := speech.Words(e.call.mouth.current())
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lately {
		if time.Since(l.at) < 10*time.Second {
			said = append(said, speech.Words(l.text)...)
		}
	}
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(said, w) })
}

// echo tells whether words are the agent's own, coming back. The lock is held.
func (e *ear) echo(text string) bool {
	words := speech.Words(text)
	if len(words) < 2 {
		return false
	}
	for _, l := range e.lately {
		if time.Since(l.at) > 10*time.Second {
			continue
		}
		own := speech.Words(l.text)
		same := 0
		for _, w := range words {
			if slices.Contains(own, w) {
				same++
			}
		}
		if 5*same >= 4*len(words) {
			return true
		}
	}
	return false
}

// end takes the utterance for what it is.
func (e *ear) end(ctx context.Context, isSpeech bool) {
	resume := func() {
		e.call.mouth.resume()
		state := "listening"
		if now, _ := e.call.mouth.speaking(); now {
			state = "speaking"
		}
		e.call.tell(Event{Type: "state", State: state})
	}
	if !isSpeech {
		e.listener.Cancel()
		resume()
		return
	}
	began := time.Now()
	r, doubtful, err := e.understand(ctx)
	e.took = time.Since(began)
	if err != nil {
		if ctx.Err() == nil {
			e.logger.Warn("an utterance was not understood", "error", err.Error())
		}
		resume()
		return
	}
	e.call.engine(human, r.Fallback)
	now, firm := e.call.mouth.speaking()
	// One short word is as loud and as quiet as another: what wants silence is the
	// agent's own only if it has said it.
	alike := 2*e.itsOwn > e.voiced && (!halts(speech.Words(r.Text)) || e.says(r.Text))
	e.mu.Lock()
	overlapped, paused, halted := e.overlapped, e.paused, e.halted
	own := overlapped && !paused && (e.echo(r.Text) || alike)
	e.partial, e.far = "", Open
	e.mu.Unlock()
	if own || r.Text == "" && !halted {
		resume()
		return
	}
	// Who says "stop" is not told how unclear it was.
	words := speech.Words(r.Text)
	if (now || paused) && !firm && (halts(words) || halted && (len(words) < 2 || r.Confidence < surely)) {
		e.silence(ctx, r.Text)
		return
	}
	if e.decides(ctx, r.Text, overlapped || doubtful) {
		return
	}
	// A sign of listening is an answer only where nobody was speaking.
	if (now || paused) && !wordy(r.Text) || firm {
		resume()
		return
	}
	least := surely
	if now || paused {
		least = surelyOver
	}
	if !e.sure(r, least) {
		resume()
		return
	}
	if confirmed := e.confirms(r.Text); confirmed != "" {
		r.Text = confirmed
	}
	if now || paused {
		e.call.interrupt(ctx)
	}
	e.turn(ctx, r.Text, false)
}

// understand ends the utterance. What is in no grammar was perhaps something
// else, and is heard once more as anything. So is a yes, since a grammar hears one
// of its phrases in much: without a second opinion it is doubtful.
func (e *ear) understand(ctx context.Context) (r speech.Result, doubtful bool, err error) {
	r, err = e.listener.End(ctx)
	if e.early != nil && err == nil { // it was looked at in its middle
		r.Text = strings.TrimSpace(e.early.Text + " " + r.Text)
		if r.Confidence == 0 || e.early.Text != "" {
			r.Confidence = e.early.Confidence
		}
	}
	if err != nil || !e.closedSet {
		if err == nil {
			r = e.spelled(ctx, r)
		}
		return r, true, err
	}
	yes := e.call.options.Dialogue.Consents(r.Text, e.call.language)
	if r.Text != "" && !yes {
		return r, false, nil
	}
	free, err := e.again(ctx, speech.Expectation{})
	if err != nil || !yes {
		return free, true, err
	}
	return r, r.Confidence < clearly || !agree(r.Text, free.Text), nil
}

// turn says it in the conversation.
func (e *ear) turn(ctx context.Context, text string, counts bool) {
	e.call.record(func(r *recorder) { r.ends(human, text) })
	e.call.tell(Event{Type: "caption", Who: "person", Text: text, Final: true})
	e.call.tell(Event{Type: "state", State: "thinking"})
	e.call.asks(timing{waited: e.waited, far: e.answers, recognised: e.took})
	if err := e.call.options.Dialogue.Say(ctx, e.call.Actor, e.call.ConversationID, text, counts); err != nil {
		e.logger.Warn("a turn was refused", "error", err.Error())
		e.call.mouth.resume()
	}
}

// sure tells whether words are clear enough to be a turn. If not, the person sees
// them in a box that can be corrected, and is told so.
func (e *ear) sure(r speech.Result, least float64) bool {
	if r.Confidence >= least {
		return true
	}
	if len(speech.Words(r.Text)) < 2 { // a noise
		return false
	}
	e.mu.Lock()
	again := e.unsure != ""
	e.unsure = r.Text
	e.mu.Unlock()
	e.call.tell(Event{Type: "unsure", Who: "person", Text: r.Text})
	if !again {
		e.call.speak("call.unsure", plain)
	}
	return false
}

// settled forgets what the person was asked about.
func (e *ear) settled() {
	e.mu.Lock()
	e.unsure = ""
	e.mu.Unlock()
}

// confirms gives the words that the person was asked about, if this is a yes to
// them. Other words take their place.
func (e *ear) confirms(text string) string {
	e.mu.Lock()
	unsure := e.unsure
	e.unsure = ""
	e.mu.Unlock()
	if unsure == "" {
		return ""
	}
	e.call.tell(Event{Type: "unsure", Who: "person"})
	if e.call.options.Dialogue.Answers(card.Question{Type: card.AskYesNo}, text, e.call.language) == Wholly && !e.call.options.Dialogue.Refuses(text, e.call.language) {
		return unsure
	}
	return ""
}

func (e *ear) close() {
	if e.listener != nil {
		_ = e.listener.Close()
	}
}
