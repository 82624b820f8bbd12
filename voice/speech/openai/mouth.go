package openai

import (
	"bufio"
	"context"
	"io"
	"mime"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
)

// pcmRate is the rate of the API's PCM, in Hz: mono, signed 16 bit.
const pcmRate = 24000

// Mouth is a [speech.Synthesizer].
type Mouth struct {
	o      Options
	client sdk.AudioSpeechService
}

// NewMouth makes one. It asks for nothing yet. Fault: [fault.Invalid].
func NewMouth(o Options) (*Mouth, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	return &Mouth{o, sdk.NewAudioSpeechService(o.request()...)}, nil
}

// Name is "openai:" and the model.
func (m *Mouth) Name() string { return "openai:" + m.o.Model }

// Speak implements [speech.Synthesizer]: it returns when the first sound is there.
func (m *Mouth) Speak(ctx context.Context, s speech.Sentence) (speech.Audio, error) {
	const what = "did not say a sentence"
	ctx, cancel := context.WithCancelCause(ctx)
	first := time.AfterFunc(m.o.First, func() { cancel(errSlow) })
	defer first.Stop()
	res, err := m.client.New(ctx, sdk.AudioSpeechNewParams{
		Input: s.Text, Model: m.o.Model, Voice: sdk.AudioSpeechNewParamsVoiceUnion{OfString: param.NewOpt(m.o.Voice)},
		ResponseFormat: sdk.AudioSpeechNewParamsResponseFormatPCM,
	})
	if err != nil {
		cancel(err)
		return nil, failed(what, err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") {
		cancel(context.Canceled)
		_ = res.Body.Close()
		return nil, fault.New(fault.Unavailable, "the speech service answered with %q and not with sound", kind)
	}
	a := &sound{body: newPatient(res.Body, m.o.Next, cancel)}
	a.in = bufio.NewReaderSize(a.body, 16<<10)
	if _, err := a.in.Peek(2); err != nil {
		_ = a.Close()
		if err == io.EOF {
			return nil, fault.New(fault.Unavailable, "the speech service answered with no sound")
		}
		return nil, failed(what, err)
	}
	return a, nil
}

type sound struct {
	body *patient
	in   *bufio.Reader
}

func (*sound) Rate() int      { return pcmRate }
func (a *sound) Close() error { return a.body.Close() }

func (a *sound) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	if err != nil && err != io.EOF {
		err = failed("broke off in mid-sentence", err)
	}
	return n, err
}
