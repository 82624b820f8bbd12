package speech

import (
	"encoding/binary"
	"fmt"
	"io"
)

// FrameKind says what a frame between this process and sandbox-ear carries.
type FrameKind byte

// The frames of the protocol, version 1. To the ear: FrameBegin (JSON, an
// [EarBegin]), FrameAudio (samples), FrameEnd, FrameCancel. From it: FrameReady
// (JSON, an [EarReady]) once after its start, FramePartial (text), FrameFinal
// (JSON, an [EarFinal]), FrameError (text).
const (
	FrameBegin   FrameKind = 'B'
	FrameAudio   FrameKind = 'A'
	FrameEnd     FrameKind = 'E'
	FrameCancel  FrameKind = 'X'
	FrameReady   FrameKind = 'R'
	FramePartial FrameKind = 'P'
	FrameFinal   FrameKind = 'F'
	FrameError   FrameKind = '!'
)

// EarVersion is the version of the protocol.
const EarVersion = 1

// maxFrame is the size of a frame's payload, in bytes: ten seconds of sound.
const maxFrame = 10 * Rate * 2

// EarReady is what an ear says when it can hear.
type EarReady struct {
	Version int `json:"version"`
	// Words is how many words it knows.
	Words int `json:"words"`
}

// EarBegin starts an utterance.
type EarBegin struct {
	// Utterance numbers it; what comes from the ear for another is too late.
	Utterance uint32 `json:"utterance"`
	// Grammar is a JSGF grammar, or empty for anything.
	Grammar string `json:"grammar,omitempty"`
}

// EarFinal ends an utterance.
type EarFinal struct {
	Utterance  uint32  `json:"utterance"`
	Text       string  `json:"text"`
	Confidence float64 `json:"confidence"`
}

// WriteFrame writes kind, length (little-endian, 4 bytes) and payload at once.
func WriteFrame(w io.Writer, kind FrameKind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d bytes is larger than %d", len(payload), maxFrame)
	}
	frame := make([]byte, 5, 5+len(payload))
	frame[0] = byte(kind)
	binary.LittleEndian.PutUint32(frame[1:], uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

// ReadFrame reads one frame. io.EOF means that the other end closed between two.
func ReadFrame(r io.Reader) (FrameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is larger than %d", n, maxFrame)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return FrameKind(head[0]), payload, nil
}

// PCMBytes gives samples as little-endian bytes.
func PCMBytes(pcm []int16) []byte {
	raw := make([]byte, 2*len(pcm))
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(s))
	}
	return raw
}

// PCMSamples gives little-endian bytes as samples; an odd byte at the end is left
// out.
func PCMSamples(raw []byte) []int16 {
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm
}
