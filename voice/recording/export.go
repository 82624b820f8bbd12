package recording

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Sound gives a recording as a WAV file (16 bit PCM, two channels). The file has no
// name any more and is gone when it is closed.
func (s *Store) Sound(ctx context.Context, person, id string) (_ *os.File, err error) {
	in, err := s.read(ctx, person, id)
	if err != nil {
		return nil, err
	}
	defer in.close()
	out, err := os.CreateTemp(s.o.Dir, ".wav-")
	if err == nil {
		err = os.Remove(out.Name())
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "there is no room for the recording's sound")
	}
	defer func() {
		if err != nil {
			_ = out.Close()
		}
	}()
	e := wav.NewEncoder(out, Rate, 16, channels, 1)
	buffer := &audio.IntBuffer{Format: &audio.Format{NumChannels: channels, SampleRate: Rate}, SourceBitDepth: 16}
	write := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "there is no room for the recording's sound")
	}
	if err := write(e.Write(buffer)); err != nil { // one without sound is a file, too
		return nil, err
	}
	for {
		kind, content, err := in.next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if kind != pieceSound {
			continue
		}
		buffer.Data = buffer.Data[:0]
		for ; len(content) >= 2; content = content[2:] {
			buffer.Data = append(buffer.Data, int(int16(binary.LittleEndian.Uint16(content))))
		}
		if err := write(e.Write(buffer)); err != nil {
			return nil, err
		}
	}
	if err := write(e.Close()); err != nil {
		return nil, err
	}
	_, err = out.Seek(0, io.SeekStart)
	return out, write(err)
}

// Cues gives what was said in a recording, in its order.
func (s *Store) Cues(ctx context.Context, person, id string) ([]Cue, error) {
	in, err := s.read(ctx, person, id)
	if err != nil {
		return nil, err
	}
	defer in.close()
	var all []Cue
	for {
		kind, content, err := in.next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		var c Cue
		if kind == pieceCue && json.Unmarshal(content, &c) == nil {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b Cue) int { return cmp.Compare(a.From, b.From) })
	return all, nil
}

// Captions gives what was said as WebVTT. voices name the person and the agent.
func (s *Store) Captions(ctx context.Context, person, id string, voices map[string]string) (string, error) {
	cues, err := s.Cues(ctx, person, id)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for _, c := range cues {
		to := max(c.To, c.From+time.Millisecond) // a cue ends after its beginning
		fmt.Fprintf(&b, "\n%s --> %s\n<v %s>%s\n", stamp(c.From), stamp(to), escape.Replace(cmp.Or(voices[c.Who], c.Who)),
			escape.Replace(strings.Join(strings.Fields(c.Text), " ")))
	}
	return b.String(), nil
}

// stamp is a time of WebVTT.
func stamp(d time.Duration) string {
	d = d.Round(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%02d.%03d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60, d.Milliseconds()%1000)
}

// Adopt gives everything that was recorded of a guest to the person whom they have
// turned out to be: it is sealed anew, with that person's key. What cannot be given
// stays the guest's.
func (s *Store) Adopt(ctx context.Context, guest, person string) error {
	list, err := s.List(ctx, guest, "")
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := s.adopt(ctx, guest, person, r.ID); err != nil {
			return err
		}
		if err := s.Delete(ctx, guest, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// adopt seals one recording anew.
func (s *Store) adopt(ctx context.Context, guest, person, id string) error {
	in, err := s.read(ctx, guest, id)
	if err != nil {
		return err
	}
	defer in.close()
	path, err := s.path(person, id)
	if err != nil {
		return err
	}
	unwritten := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "a recording cannot be given to the person whose it is")
	}
	if err := os.MkdirAll(s.folder(person), 0o700); err != nil {
		return unwritten(err)
	}
	out, err := os.CreateTemp(s.folder(person), ".adopted-") // 0600
	if err != nil {
		return unwritten(err)
	}
	defer func() { _ = out.Close(); _ = os.Remove(out.Name()) }() // after a rename it is not there any more
	size := 0
	kind, content := pieceHeader, encode(in.head)
	for n := uint32(0); ; n++ {
		piece, err := sealPiece(ctx, s.o.Sealer, person, kind, n, content)
		if err != nil {
			return err
		}
		if _, err := out.Write(piece); err != nil {
			return unwritten(err)
		}
		size += len(piece)
		if kind, content, err = in.next(ctx); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return unwritten(err)
	}
	s.grown(size)
	return nil
}
