package speech

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// espeakVoices are espeak-ng's voices for the languages of the app.
var espeakVoices = map[string]string{"en": "en-us", "ar": "ar", "de": "de", "es": "es", "fr": "fr-fr", "tr": "tr"}

// Espeak is a [Synthesizer] that runs espeak-ng, one short process a sentence: its
// first sound comes after some 12 ms, and there is nothing to keep alive.
type Espeak struct {
	path string
}

// NewEspeak finds espeak-ng. An empty path looks in PATH. Fault:
// [fault.Unavailable] when it is not installed.
func NewEspeak(path string) (*Espeak, error) {
	if path == "" {
		path = "espeak-ng"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "espeak-ng is not installed, so a call cannot speak").(*fault.Error).Do("install the Debian package espeak-ng")
	}
	return &Espeak{found}, nil
}

// Name is "espeak-ng".
func (*Espeak) Name() string { return "espeak-ng" }

// Speak implements [Synthesizer].
func (e *Espeak) Speak(ctx context.Context, s Sentence) (Audio, error) {
	language, _, _ := strings.Cut(strings.ToLower(s.Language), "-")
	voice, ok := espeakVoices[language]
	if !ok {
		return nil, fault.New(fault.Invalid, "there is no voice for the language %q", s.Language)
	}
	ctx, cancel := context.WithCancel(ctx)
	// The text comes by standard input: an argument could be read by every user of
	// the machine, and a text that begins with a hyphen would be an option.
	cmd := exec.CommandContext(ctx, e.path, "-v", voice, "-s", "165", "--stdin", "--stdout")
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	cmd.Stdin = strings.NewReader(strings.Map(speakable, s.Text))
	var complaint bytes.Buffer
	cmd.Stderr = &limited{&complaint, 4 << 10}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fault.Wrap(err, fault.Unavailable, "the voice cannot be started")
	}
	a := &espeakAudio{cmd: cmd, cancel: cancel, out: bufio.NewReaderSize(out, 4<<10)}
	if a.rate, err = wavHeader(a.out); err != nil {
		_ = a.Close()
		return nil, fault.Wrap(errors.Join(err, errors.New(complaint.String())), fault.Unavailable, "the voice failed")
	}
	return a, nil
}

// speakable drops what espeak-ng would take for commands or marks.
func speakable(r rune) rune {
	if r == '<' || r == '>' || r == '[' || r == ']' || r < ' ' && r != '\n' {
		return ' '
	}
	return r
}

type espeakAudio struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    *bufio.Reader
	rate   int
	done   bool
}

func (a *espeakAudio) Rate() int { return a.rate }

func (a *espeakAudio) Read(p []byte) (int, error) { return a.out.Read(p) }

func (a *espeakAudio) Close() error {
	if a.done {
		return nil
	}
	a.done = true
	a.cancel()
	_ = a.cmd.Wait() // it was ended; how does not matter
	return nil
}

// wavHeader reads the header of a stream of PCM and gives its rate. The sizes in
// it are not believed: a program that writes to a pipe cannot know them.
func wavHeader(r io.Reader) (int, error) {
	var riff [12]byte
	if _, err := io.ReadFull(r, riff[:]); err != nil || string(riff[:4]) != "RIFF" || string(riff[8:]) != "WAVE" {
		return 0, errors.New("what it said is not a WAVE stream")
	}
	rate := 0
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, errors.New("the WAVE stream has no sound")
		}
		size := binary.LittleEndian.Uint32(head[4:])
		switch string(head[:4]) {
		case "data":
			if rate == 0 {
				return 0, errors.New("the WAVE stream has no format")
			}
			return rate, nil
		case "fmt ":
			if size < 16 || size > 64 {
				return 0, errors.New("the format of the WAVE stream is malformed")
			}
			format := make([]byte, size)
			if _, err := io.ReadFull(r, format); err != nil {
				return 0, errors.New("the format of the WAVE stream is cut")
			}
			if binary.LittleEndian.Uint16(format) != 1 || binary.LittleEndian.Uint16(format[2:]) != 1 || binary.LittleEndian.Uint16(format[14:]) != 16 {
				return 0, errors.New("the WAVE stream is not mono 16 bit PCM")
			}
			if rate = int(binary.LittleEndian.Uint32(format[4:])); rate < 8000 || rate > 48000 {
				return 0, errors.New("the WAVE stream has an unusual rate")
			}
		default:
			if size > 1<<16 {
				return 0, errors.New("the WAVE stream is malformed")
			}
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				return 0, errors.New("the WAVE stream is cut")
			}
		}
	}
}

// limited keeps the first bytes that are written to it.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.to.Write(p[:n])
	l.left -= n
	return len(p), nil
}
