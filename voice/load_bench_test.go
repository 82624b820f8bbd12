package voice

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// serverOf, in the environment of this test binary, makes it the server of a load:
// "calls" or "echo".
const serverOf = "VOICE_LOAD_SERVER"

func init() {
	if kind := os.Getenv(serverOf); kind != "" {
		if err := serveLoad(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// spent is what a server tells when it is asked: what it used since it was asked
// last, and how late its frames were.
type spent struct {
	CPU  time.Duration
	Late []float64 // milliseconds; the first percentile, the median, p99 and the latest
}

// serveLoad answers offers, one a line, until its input ends. An empty line is the
// question what was spent.
func serveLoad(kind string) error {
	clock := &clock{}
	var s *Service
	for _, extra := range [][]interceptor.Factory{nil, {clock}} { // the second one's socket is the one with a clock
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		o := Options{Dialogue: newTalk(nil), Recognizer: deaf{}, Synthesizer: hum{}, UDP: udp, Loopback: true, Most: 1000}
		if s == nil {
			s, err = New(o)
		} else {
			s.api, err = newAPI(o, extra...)
		}
		if err != nil {
			return err
		}
	}
	offers := bufio.NewScanner(os.Stdin)
	offers.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	var before time.Duration
	for n := 0; offers.Scan(); n++ {
		if offers.Text() == "" {
			now := cpu()
			if err := out.Encode(spent{now - before, clock.take()}); err != nil {
				return err
			}
			before = now
			continue
		}
		var offer, answer string
		var err error
		if err = json.Unmarshal(offers.Bytes(), &offer); err != nil {
			return err
		}
		if kind == "echo" {
			answer, err = echo(s.api, offer)
		} else {
			_, answer, err = s.Offer(context.Background(), person, fmt.Sprintf("c%d", n), offer)
		}
		if err == nil {
			err = out.Encode(answer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// echo is a call that sends back what it gets, and nothing else.
func echo(api *webrtc.API, offer string) (string, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: spokenRate, Channels: 2}, "a", "b")
	if err != nil {
		return "", err
	}
	out, err := pc.AddTrack(track)
	if err != nil {
		return "", err
	}
	go drain(out)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := t.ReadRTP()
			if err != nil || track.WriteRTP(p) != nil {
				return
			}
		}
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

// clock is an interceptor that notes by how much every packet leaves later than its
// place in a rhythm of 20 ms, begun with the earliest of them.
type clock struct {
	interceptor.NoOp
	mu   sync.Mutex
	late []float64
}

func (c *clock) NewInterceptor(string) (interceptor.Interceptor, error) { return c, nil }

func (c *clock) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	var begun time.Time
	n := 0
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		now := time.Now()
		if begun.IsZero() {
			begun = now
		}
		late := now.Sub(begun.Add(time.Duration(n) * frameTime * time.Millisecond))
		if n++; late < 0 { // the first one was late itself
			begun, late = begun.Add(late), 0
		}
		c.mu.Lock()
		c.late = append(c.late, float64(late.Microseconds())/1000)
		c.mu.Unlock()
		return w.Write(h, payload, a)
	})
}

// take gives the quantiles since the last take.
func (c *clock) take() []float64 {
	c.mu.Lock()
	all := c.late
	c.late = nil
	c.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	return []float64{quantile(all, 0.01), quantile(all, 0.5), quantile(all, 0.99), quantile(all, 1)}
}

// BenchmarkCalls is what calls cost a server in a process of its own, with their
// sound decoded and looked through for a voice, and sent ready-made packets: the
// agent listens. Beside it, in the same run, pion alone sending back what it gets.
func BenchmarkCalls(b *testing.B) {
	packets := encoded(b, voiceOf(b, "slt", strings.Join(trade[:8], ". ")))
	for b.Loop() {
		for _, n := range []int{1, 10, 50, 100} {
			ours, theirs := load(b, "calls", n, packets), load(b, "echo", n, packets)
			per := func(s spent) float64 {
				return 1000 * s.CPU.Seconds() / loadTime.Seconds() / float64(n)
			}
			b.ReportMetric(per(ours), fmt.Sprintf("ms/s-%d", n))
			b.ReportMetric(per(theirs), fmt.Sprintf("bare-ms/s-%d", n))
			b.ReportMetric(per(ours)/per(theirs), fmt.Sprintf("ratio-%d", n))
			b.ReportMetric(ours.Late[2], fmt.Sprintf("late-p99-ms-%d", n))
			b.ReportMetric(theirs.Late[2], fmt.Sprintf("bare-late-p99-ms-%d", n))
		}
	}
}

// loadTime is how long a load is measured.
const loadTime = 10 * time.Second

// load calls a server of its own n times, with the same packets in a circle.
func load(b *testing.B, kind string, n int, packets [][]byte) spent {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverOf+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	answers := json.NewDecoder(out)
	ask := func(question string, answer any) error {
		if _, err := in.Write([]byte(question + "\n")); err != nil {
			return err
		}
		return answers.Decode(answer)
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		b.Fatal(err)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	var tracks []*webrtc.TrackLocalStaticSample
	for range n {
		pc, track, err := caller(api, func(offer string) (answer string, err error) {
			raw, err := json.Marshal(offer)
			if err == nil {
				err = ask(string(raw), &answer)
			}
			return answer, err
		})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = pc.Close() }()
		tracks = append(tracks, track)
	}
	send := func(d time.Duration) {
		tick := time.NewTicker(frameTime * time.Millisecond)
		defer tick.Stop()
		for i := range int(d / (frameTime * time.Millisecond)) {
			<-tick.C
			for k, t := range tracks {
				_ = t.WriteSample(media.Sample{Data: packets[(i+17*k)%len(packets)], Duration: frameTime * time.Millisecond})
			}
		}
	}
	send(2 * time.Second) // everybody is connected, and settled
	var s spent
	if err := ask("", &s); err != nil {
		b.Fatal(err)
	}
	send(loadTime)
	if err := ask("", &s); err != nil || len(s.Late) == 0 {
		b.Fatal("the server sent nothing: ", err)
	}
	return s
}

// caller is one call that only sends, and waits until it is connected.
func caller(api *webrtc.API, signal func(string) (string, error)) (*webrtc.PeerConnection, *webrtc.TrackLocalStaticSample, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, nil, err
	}
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: spokenRate, Channels: 2}, "a", "b")
	if err != nil {
		return nil, nil, err
	}
	if _, err := pc.AddTrack(track); err != nil {
		return nil, nil, err
	}
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return nil, nil, err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return nil, nil, err
	}
	<-gathered
	answer, err := signal(pc.LocalDescription().SDP)
	if err != nil {
		return nil, nil, err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return nil, nil, err
	}
	select {
	case <-connected:
		return pc, track, nil
	case <-time.After(20 * time.Second):
		return nil, nil, fmt.Errorf("a call does not connect")
	}
}
