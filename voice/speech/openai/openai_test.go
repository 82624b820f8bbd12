package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-audio/wav"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
	"github.com/openova-io/sandbox/voice/speech/openai"
)

const key = "sk-canary-0123456789"

// provider is a speech service that hears nothing but how long a sound is, and
// misbehaves as it is told.
type provider struct {
	*httptest.Server
	// behave is one of the cases of the handlers, until times is used up.
	mu     sync.Mutex
	behave string
	times  int
	asked  []string // what was asked for, by path
	input  string   // of the last sentence
	prompt string   // of the last sound
	left   chan struct{}
}

func newProvider(t *testing.T) *provider {
	p := &provider{left: make(chan struct{}, 16)}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) misbehave(how string, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behave, p.times = how, times
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.URL.Path)
	how := ""
	if p.times > 0 {
		p.times--
		how = p.behave
	}
	p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+key {
		http.Error(w, `{"error":{"message":"wrong key"}}`, http.StatusUnauthorized)
		return
	}
	switch how {
	case "busy":
		w.Header().Set("Retry-After", "0")
		http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
		return
	case "broken":
		w.Header().Set("Retry-After-Ms", "1")
		http.Error(w, "the key "+key+" is not known", http.StatusInternalServerError)
		return
	case "denied":
		http.Error(w, `{"error":{"message":"`+key+` may not"}}`, http.StatusForbidden)
		return
	case "hangs":
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		p.left <- struct{}{}
		return
	case "page":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<h1>hello</h1>")
		return
	case "elsewhere":
		http.Redirect(w, r, "http://192.0.2.1/v1/", http.StatusTemporaryRedirect)
		return
	}
	switch r.URL.Path {
	case "/v1/audio/transcriptions":
		p.hear(w, r, how)
	case "/v1/audio/speech":
		p.speak(w, r, how)
	default:
		http.NotFound(w, r)
	}
}

func (p *provider) hear(w http.ResponseWriter, r *http.Request, how string) {
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("model") != "ear-1" || r.FormValue("language") != "en" {
		http.Error(w, "not what was expected", http.StatusBadRequest)
		return
	}
	raw, _ := io.ReadAll(f)
	d := wav.NewDecoder(bytes.NewReader(raw))
	valid := d.IsValidFile()
	length := time.Duration(len(raw)-44) * time.Second / (2 * speech.Rate)
	if !valid || err != nil || d.SampleRate != speech.Rate || d.NumChans != 1 {
		http.Error(w, "no sound", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.prompt = r.FormValue("prompt")
	p.mu.Unlock()
	text := fmt.Sprintf("We have %d tenths.", int(math.Round(length.Seconds()*10)))
	switch {
	case how == "empty":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"hello":1}`)
	case how == "whole" || r.FormValue("stream") != "true":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"text": text})
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		for i, word := range strings.SplitAfter(text, " ") {
			fmt.Fprintf(w, "data: {\"type\":\"transcript.text.delta\",\"delta\":%q}\n\n", word)
			w.(http.Flusher).Flush()
			if i == 0 && how == "stalls" {
				<-r.Context().Done()
				p.left <- struct{}{}
				return
			}
			if i == 0 && how == "breaks" {
				panic(http.ErrAbortHandler)
			}
		}
		fmt.Fprintf(w, "data: {\"type\":\"transcript.text.done\",\"text\":%q,\"logprobs\":[{\"token\":\"We\",\"logprob\":-0.1},{\"token\":\" have\",\"logprob\":-0.3}]}\n\n", text)
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}
}

func (p *provider) speak(w http.ResponseWriter, r *http.Request, how string) {
	var in struct{ Input, Model, Voice, Response_format string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Model != "mouth-1" || in.Voice != "alloy" || in.Response_format != "pcm" {
		http.Error(w, "not what was expected", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.input = in.Input
	p.mu.Unlock()
	w.Header().Set("Content-Type", "audio/pcm")
	if how == "silent" {
		return
	}
	piece := make([]byte, 4800) // 100 ms
	for i := range piece {
		piece[i] = byte(i)
	}
	for i := range 5 {
		_, _ = w.Write(piece)
		w.(http.Flusher).Flush()
		if i == 1 && how == "stalls" {
			<-r.Context().Done()
			p.left <- struct{}{}
			return
		}
		if i == 1 && how == "breaks" {
			panic(http.ErrAbortHandler)
		}
	}
}

func options(p *provider, model string) openai.Options {
	return openai.Options{BaseURL: p.URL + "/v1", Key: key, Model: model, First: time.Second, Next: 200 * time.Millisecond}
}

func newEars(t *testing.T, p *provider, partial func(string)) speech.Listener {
	t.Helper()
	e, err := openai.NewEars(options(p, "ear-1"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := e.Listen(t.Context(), "en-GB", partial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// hear plays so much silence to a listener.
func hear(l speech.Listener, x speech.Expectation, d time.Duration) (speech.Result, error) {
	if err := l.Begin(x); err != nil {
		return speech.Result{}, err
	}
	for range int(d / (20 * time.Millisecond)) {
		if err := l.Hear(make([]int16, speech.Rate/50)); err != nil {
			return speech.Result{}, err
		}
	}
	return l.End(context.Background())
}

func TestEars(t *testing.T) {
	p := newProvider(t)
	var mu sync.Mutex
	var partials []string
	news := make(chan struct{}, 64)
	l := newEars(t, p, func(text string) {
		mu.Lock()
		partials = append(partials, text)
		mu.Unlock()
		news <- struct{}{}
	})
	// The words so far come while it is being said.
	if err := l.Begin(speech.Expectation{}); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if err := l.Hear(make([]int16, speech.Rate/50)); err != nil {
			t.Fatal(err)
		}
	}
	<-news
	r, err := l.End(t.Context())
	if err != nil || r.Text != "we have 12 tenths" || math.Abs(r.Confidence-math.Exp(-0.2)) > 0.001 {
		t.Errorf("%+v, %v", r, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if partials[0] != "we have 8 tenths" || !slices.Contains(partials, "we have") {
		t.Errorf("on the way there were %q", partials)
	}
}

func TestEarsOfAServiceThatDoesNotStream(t *testing.T) {
	p := newProvider(t)
	l := newEars(t, p, nil)
	p.misbehave("whole", 1)
	if r, err := hear(l, speech.Expectation{}, time.Second); err != nil || r.Text != "we have 10 tenths" {
		t.Errorf("%+v, %v", r, err)
	}
	if n := p.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// What is none of the phrases is nothing, whatever the service makes of it.
func TestEarsAreHeldToPhrases(t *testing.T) {
	p := newProvider(t)
	l := newEars(t, p, nil)
	if r, err := hear(l, speech.Expectation{Phrases: []string{"yes", "create it"}}, time.Second); err != nil || r.Text != "" {
		t.Errorf("%+v, %v", r, err)
	}
	if p.prompt != "yes, create it" {
		t.Errorf("the service was told of %q", p.prompt)
	}
	if r, err := hear(l, speech.Expectation{Phrases: []string{"we have 10 tenths"}}, time.Second); err != nil || r.Text != "we have 10 tenths" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Whatever the service does, an utterance ends in time, with words or with a fault,
// and the key is in none.
func TestEarsOfAServiceThatMisbehaves(t *testing.T) {
	p := newProvider(t)
	l := newEars(t, p, nil)
	for how, tries := range map[string]int{"busy": 2, "broken": 2} {
		p.misbehave(how, 1)
		before := p.count()
		if r, err := hear(l, speech.Expectation{}, time.Second); err != nil || r.Text != "we have 10 tenths" || p.count()-before != tries {
			t.Errorf("%s once: %+v, %v, %d requests", how, r, err, p.count()-before)
		}
	}
	for _, how := range []string{"busy", "broken", "denied", "hangs", "page", "elsewhere", "empty", "stalls", "breaks"} {
		p.misbehave(how, 5)
		began := time.Now()
		r, err := hear(l, speech.Expectation{}, time.Second)
		if fault.CodeOf(err) != fault.Unavailable || r.Text != "" || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %+v, %v", how, r, err)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("%s took %v", how, d)
		}
		if how == "hangs" || how == "stalls" { // it is not left waiting
			<-p.left
		}
	}
	p.misbehave("", 0)
	if r, err := hear(l, speech.Expectation{}, 400*time.Millisecond); err != nil || r.Text != "we have 4 tenths" {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
	if _, err := hear(l, speech.Expectation{}, 2*time.Minute); fault.CodeOf(err) != fault.Limited {
		t.Errorf("two minutes: %v", err)
	}
}

func say(m speech.Synthesizer) (int, bool, error) {
	a, err := m.Speak(context.Background(), speech.Sentence{Text: "Good morning.", Language: "en"})
	if err != nil {
		return 0, false, err
	}
	defer a.Close()
	raw, err := io.ReadAll(a)
	return len(raw) * 1000 / 2 / a.Rate(), speech.Fallback(a), err
}

func TestMouth(t *testing.T) {
	p := newProvider(t)
	m, err := openai.NewMouth(options(p, "mouth-1"))
	if err != nil {
		t.Fatal(err)
	}
	if ms, _, err := say(m); err != nil || ms != 500 || p.input != "Good morning." {
		t.Errorf("%d ms, %v, %q", ms, err, p.input)
	}
	p.misbehave("busy", 1)
	if ms, _, err := say(m); err != nil || ms != 500 {
		t.Errorf("busy once: %d ms, %v", ms, err)
	}
	for how, least := range map[string]int{"broken": 0, "denied": 0, "hangs": 0, "page": 0, "silent": 0, "elsewhere": 0, "stalls": 200, "breaks": 1} {
		p.misbehave(how, 5)
		ms, _, err := say(m)
		if fault.CodeOf(err) != fault.Unavailable || ms < least || ms > 200 || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %d ms, %v", how, ms, err)
		}
		if how == "hangs" || how == "stalls" {
			<-p.left
		}
	}
	// Who does not want to hear the rest ends the request.
	p.misbehave("stalls", 1)
	a, err := m.Speak(t.Context(), speech.Sentence{Text: "Good morning."})
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	<-p.left
}

func TestOptionsThatAreNone(t *testing.T) {
	for _, o := range []openai.Options{{}, {Model: "m", BaseURL: "ftp://x/v1"}, {Model: "m", BaseURL: "https://user:word@x/v1"}, {Model: "m", BaseURL: ":"}} {
		if _, err := openai.NewEars(o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// near is an engine that is always there.
type near struct {
	said  atomic.Int32
	words string
}

func (*near) Name() string { return "near" }
func (*near) Close() error { return nil }
func (n *near) Speak(context.Context, speech.Sentence) (speech.Audio, error) {
	n.said.Add(1)
	return nearAudio{bytes.NewReader(make([]byte, 16000))}, nil
}
func (n *near) Listen(_ context.Context, language string, _ func(string)) (speech.Listener, error) {
	if language != "en" {
		return nil, fault.New(fault.Invalid, "not that language")
	}
	return &nearListener{near: n}, nil
}

type nearAudio struct{ *bytes.Reader }

func (nearAudio) Rate() int    { return 16000 }
func (nearAudio) Close() error { return nil }

type nearListener struct {
	near  *near
	heard int
}

func (l *nearListener) Begin(speech.Expectation) error { l.heard = 0; return nil }
func (l *nearListener) Hear(pcm []int16) error         { l.heard += len(pcm); return nil }
func (l *nearListener) End(context.Context) (speech.Result, error) {
	return speech.Result{Text: fmt.Sprint(l.near.words, l.heard), Confidence: 1}, nil
}
func (*nearListener) Cancel()      {}
func (*nearListener) Close() error { return nil }

// A service that fails loses no word and no sentence, and is left alone for a while.
func TestFallback(t *testing.T) {
	p := newProvider(t)
	ears, err := openai.NewEars(options(p, "ear-1"))
	if err != nil {
		t.Fatal(err)
	}
	mouth, err := openai.NewMouth(options(p, "mouth-1"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	here := &near{words: "near "}
	l, err := speech.NewFallback(ears, here, logger).Listen(t.Context(), "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := hear(l, speech.Expectation{}, time.Second); err != nil || r.Text != "we have 10 tenths" || r.Fallback {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := hear(l, speech.Expectation{Phrases: []string{"yes"}}, time.Second); err != nil || r.Text != "near 16000" || r.Fallback {
		t.Errorf("one of some phrases: %+v, %v", r, err)
	}
	p.misbehave("breaks", 1)
	if r, err := hear(l, speech.Expectation{}, time.Second); err != nil || r.Text != "near 16000" || !r.Fallback {
		t.Errorf("when the service fails: %+v, %v", r, err)
	}
	before := p.count()
	if r, err := hear(l, speech.Expectation{}, time.Second); err != nil || !r.Fallback || p.count() != before {
		t.Errorf("right after that: %+v, %v, %d requests", r, err, p.count()-before)
	}
	if other, err := speech.NewFallback(ears, here, logger).Listen(t.Context(), "ar", nil); err != nil || other == nil {
		t.Errorf("a language that only the service knows: %v", err)
	}

	voice := speech.NewFallbackVoice(mouth, here, logger)
	if ms, fell, err := say(voice); err != nil || ms != 500 || fell {
		t.Errorf("%d ms, %v, %v", ms, fell, err)
	}
	p.misbehave("breaks", 1) // in mid-sentence: the line is said again, by the other
	if _, _, err := say(voice); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("in mid-sentence: %v", err)
	}
	if ms, fell, err := say(voice); err != nil || ms != 500 || !fell || here.said.Load() != 1 {
		t.Errorf("the second try: %d ms, %v, %v", ms, fell, err)
	}
	if strings.Count(log.String(), "failed") != 2 || strings.Contains(log.String(), key) || strings.Contains(log.String(), "tenths") {
		t.Errorf("the log has %s", log.String())
	}
}
