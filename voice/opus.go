package voice

import (
	"github.com/thesyncim/gopus"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/voice/speech"
)

const (
	// frameTime is the length of every frame of sound, both ways, in milliseconds.
	frameTime = 20
	// heardFrame is a frame as the recogniser hears it, in samples.
	heardFrame = speech.Rate * frameTime / 1000
	// spokenRate is the rate that speech is encoded at, in Hz.
	spokenRate = 48000
	// spokenFrame is a frame of it, in samples.
	spokenFrame = spokenRate * frameTime / 1000
	// opusBitrate is plenty for one voice, in bits a second (RFC 7587, 3.1.1).
	opusBitrate = 32000
	// maxPacket bounds an Opus packet (RFC 6716, 3.4: 1275 bytes a frame).
	maxPacket = 1500
)

// decoder turns Opus packets into what the recogniser hears: mono at
// [speech.Rate]. A lost packet is concealed. It is used by one goroutine.
type decoder struct {
	opus *gopus.Decoder
	pcm  []int16
	// last is how long the last packet was, in samples: what a lost one is taken for.
	last int
}

func newDecoder() (*decoder, error) {
	config := gopus.DefaultDecoderConfig(speech.Rate, 1)
	d, err := gopus.NewDecoder(config)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the Opus decoder cannot be made")
	}
	return &decoder{opus: d, pcm: make([]int16, config.MaxPacketSamples), last: heardFrame}, nil
}

// decode gives the samples of a packet, valid until the next call; of nil, what a
// lost packet may have been. A packet that is not Opus is a lost one.
func (d *decoder) decode(packet []byte) []int16 {
	if len(packet) > 0 {
		if n, err := d.opus.DecodeInt16(packet, d.pcm); err == nil && n > 0 {
			d.last = n
			return d.pcm[:n]
		}
	}
	n, err := d.opus.DecodeInt16(nil, d.pcm[:d.last])
	if err != nil {
		n = d.last
		clear(d.pcm[:n])
	}
	return d.pcm[:n]
}

// encoder turns speech into Opus packets. It is used by one goroutine.
type encoder struct {
	opus   *gopus.Encoder
	packet []byte
}

func newEncoder() (*encoder, error) {
	e, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: spokenRate, Channels: 1, Application: gopus.ApplicationVoIP})
	if err == nil {
		err = e.SetBitrate(opusBitrate)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the Opus encoder cannot be made")
	}
	return &encoder{opus: e, packet: make([]byte, maxPacket)}, nil
}

// encode gives the packet of one frame of [spokenFrame] samples, valid until the
// next call.
func (e *encoder) encode(pcm []int16) ([]byte, error) {
	n, err := e.opus.EncodeInt16(pcm, e.packet)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a frame cannot be encoded")
	}
	return e.packet[:n], nil
}
