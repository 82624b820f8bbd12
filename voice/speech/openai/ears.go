package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
)

const (
	// interimEvery is after how much new sound the words so far are asked for, in
	// samples; one request at a time.
	interimEvery = speech.Rate * 8 / 10
	// mostSound bounds an utterance, in samples: a minute.
	mostSound = 60 * speech.Rate
	// unmeasured is the confidence where a service tells none.
	unmeasured = 0.9
	// mostAnswer bounds an answer, in bytes.
	mostAnswer = 1 << 20
)

// Ears is a [speech.Recognizer].
type Ears struct {
	o      Options
	client sdk.AudioTranscriptionService
}

// NewEars makes them. They ask for nothing yet. Fault: [fault.Invalid].
func NewEars(o Options) (*Ears, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	return &Ears{o, sdk.NewAudioTranscriptionService(o.request()...)}, nil
}

// Name is "openai:" and the model.
func (e *Ears) Name() string { return "openai:" + e.o.Model }

// Close implements [speech.Recognizer].
func (*Ears) Close() error { return nil }

// Listen implements [speech.Recognizer]. Without partial nothing is asked for before
// an utterance has ended.
func (e *Ears) Listen(_ context.Context, language string, partial func(string)) (speech.Listener, error) {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	return &listener{ears: e, language: base, partial: partial}, nil
}

// listener is one call's. Its requests for the words so far end with the utterance.
type listener struct {
	ears     *Ears
	language string
	partial  func(string)
	work     sync.WaitGroup

	phrases []string
	pcm     []int16
	asked   int // of pcm, in the last request for the words so far
	running bool
	stop    context.CancelFunc

	mu   sync.Mutex
	busy bool
}

func (l *listener) Begin(x speech.Expectation) error {
	l.Cancel()
	l.phrases, l.pcm, l.asked, l.running = x.Phrases, nil, 0, true
	return nil
}

func (l *listener) Hear(pcm []int16) error {
	switch {
	case !l.running:
		return fault.New(fault.Invalid, "no utterance has begun")
	case len(l.pcm)+len(pcm) > mostSound:
		return fault.New(fault.Limited, "the utterance is longer than a minute")
	}
	l.pcm = append(l.pcm, pcm...)
	if l.partial != nil && len(l.pcm)-l.asked >= interimEvery {
		l.interim()
	}
	return nil
}

// interim asks for the words so far, if nothing is being asked.
func (l *listener) interim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return
	}
	l.busy, l.asked = true, len(l.pcm)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	pcm := slices.Clone(l.pcm)
	l.work.Go(func() {
		r, err := l.ears.transcribe(ctx, pcm, l.language, nil, func(string) {})
		l.mu.Lock()
		l.busy = false
		l.mu.Unlock()
		if err == nil && ctx.Err() == nil && r.Text != "" {
			l.partial(r.Text)
		}
	})
}

// End gives the utterance in words. Where phrases were expected, anything else is
// nothing: the service hears what it hears, and is not talked into one of them.
func (l *listener) End(ctx context.Context) (speech.Result, error) {
	if !l.running {
		return speech.Result{}, fault.New(fault.Invalid, "no utterance has begun")
	}
	l.quiet()
	l.running = false
	soFar := l.partial
	if soFar == nil {
		soFar = func(string) {}
	}
	r, err := l.ears.transcribe(ctx, l.pcm, l.language, l.phrases, soFar)
	if err == nil && len(l.phrases) > 0 && !slices.ContainsFunc(l.phrases, func(p string) bool { return strings.Join(speech.Words(p), " ") == r.Text }) {
		r = speech.Result{}
	}
	return r, err
}

func (l *listener) Cancel() {
	l.quiet()
	l.running, l.pcm = false, nil
}

func (l *listener) Close() error {
	l.Cancel()
	return nil
}

// quiet ends the request for the words so far.
func (l *listener) quiet() {
	l.mu.Lock()
	stop := l.stop
	l.mu.Unlock()
	if stop != nil {
		stop()
	}
	l.work.Wait()
}

// transcribe sends sound and gives its words; so far is called as they come, where
// the service streams them.
func (e *Ears) transcribe(ctx context.Context, pcm []int16, language string, phrases []string, soFar func(string)) (speech.Result, error) {
	const what = "did not hear an utterance"
	file, err := asWAV(pcm)
	if err != nil {
		return speech.Result{}, fault.Wrap(err, fault.Internal, "an utterance cannot be sent")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := time.AfterFunc(e.o.First, func() { cancel(errSlow) })
	defer first.Stop()
	p := sdk.AudioTranscriptionNewParams{
		File: sdk.File(bytes.NewReader(file), "said.wav", "audio/wav"), Model: e.o.Model,
		ResponseFormat: sdk.AudioResponseFormatJSON, Temperature: param.NewOpt(0.0),
	}
	if language != "" {
		p.Language = param.NewOpt(language)
	}
	if len(phrases) > 0 {
		p.Prompt = param.NewOpt(strings.Join(phrases, ", "))
	}
	// A service that does not stream leaves this out of account and answers with JSON.
	p.SetExtraFields(map[string]any{"stream": "true"})
	var res *http.Response
	if _, err := e.client.New(ctx, p, option.WithResponseBodyInto(&res)); err != nil {
		return speech.Result{}, failed(what, err)
	}
	body := newPatient(res.Body, e.o.Next, cancel)
	defer body.Close()
	first.Stop()
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "text/event-stream" {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, mostAnswer), body}
		return streamed(res, soFar)
	}
	var answer struct {
		Text     *string `json:"text"`
		Logprobs []token `json:"logprobs"`
	}
	raw, err := io.ReadAll(io.LimitReader(body, mostAnswer))
	if err != nil {
		return speech.Result{}, failed(what, err)
	}
	if json.Unmarshal(raw, &answer) != nil || answer.Text == nil {
		return speech.Result{}, fault.New(fault.Unavailable, "the speech service's answer is no transcription")
	}
	return result(*answer.Text, answer.Logprobs), nil
}

// token is a part of a word, and how likely it is.
type token struct {
	Logprob float64 `json:"logprob"`
}

// streamed reads the events of a transcription.
func streamed(res *http.Response, soFar func(string)) (speech.Result, error) {
	events := ssestream.NewDecoder(res)
	var words strings.Builder
	for events.Next() {
		var e struct {
			Type, Delta, Text string
			Logprobs          []token
		}
		if json.Unmarshal(events.Event().Data, &e) != nil {
			continue
		}
		switch e.Type {
		case "transcript.text.delta":
			words.WriteString(e.Delta)
			soFar(strings.Join(speech.Words(words.String()), " "))
		case "transcript.text.done":
			return result(e.Text, e.Logprobs), nil
		}
	}
	if err := events.Err(); err != nil {
		return speech.Result{}, failed("broke off in mid-word", err)
	}
	return speech.Result{}, fault.New(fault.Unavailable, "the speech service broke off in mid-word")
}

func result(text string, tokens []token) speech.Result {
	r := speech.Result{Text: strings.Join(speech.Words(text), " "), Confidence: unmeasured}
	if len(tokens) > 0 {
		sum := 0.0
		for _, t := range tokens {
			sum += t.Logprob
		}
		r.Confidence = math.Exp(sum / float64(len(tokens)))
	}
	return r
}

// asWAV gives samples at [speech.Rate] as a file.
func asWAV(pcm []int16) ([]byte, error) {
	out := &seekable{}
	e := wav.NewEncoder(out, speech.Rate, 16, 1, 1)
	data := make([]int, len(pcm))
	for i, s := range pcm {
		data[i] = int(s)
	}
	if err := e.Write(&audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: speech.Rate}, SourceBitDepth: 16, Data: data}); err != nil {
		return nil, err
	}
	err := e.Close()
	return out.bytes, err
}

// seekable is a file in memory.
type seekable struct {
	bytes []byte
	at    int
}

func (s *seekable) Write(p []byte) (int, error) {
	if end := s.at + len(p); end > len(s.bytes) {
		s.bytes = append(s.bytes, make([]byte, end-len(s.bytes))...)
	}
	s.at += copy(s.bytes[s.at:], p)
	return len(p), nil
}

func (s *seekable) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		s.at = int(offset)
	case io.SeekCurrent:
		s.at += int(offset)
	case io.SeekEnd:
		s.at = len(s.bytes) + int(offset)
	}
	return int64(s.at), nil
}
