package voice

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// heardAnswer is what the service logs of an answer.
type heardAnswer struct {
	Msg        string  `json:"msg"`
	Complete   bool    `json:"complete"`
	Waited     float64 `json:"waitedMs"`
	Recognised float64 `json:"recognisedMs"`
	Answered   float64 `json:"answeredMs"`
	Voiced     float64 `json:"voicedMs"`
	total      float64
}

// desk is a running service that is called.
type desk struct {
	b       *testing.B
	client  *http.Client
	answers chan heardAnswer
}

func newDesk(b *testing.B) *desk {
	b.Helper()
	needs(b, "flite", "espeak-ng")
	binary, err := filepath.Abs("../bin/sandbox")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		b.Skip("bin/sandbox is not built; make build builds it")
	}
	dir, err := os.MkdirTemp("", "sbx") // a socket's path is short
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--call-listen", "127.0.0.1:0", "--log-level", "debug")
	out, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	greeting, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	d := &desk{b: b, answers: make(chan heardAnswer, 64), client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "sandbox.sock"))
		},
	}}}
	go func() { // ends with the service
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			var a heardAnswer
			if json.Unmarshal(line, &a) == nil && a.Msg == "an answer is heard" {
				d.answers <- a
			}
			if err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		if out, err := exec.Command(binary, "stop", "--data-dir", dir).CombinedOutput(); err != nil {
			b.Errorf("%v: %s", err, out)
		}
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	if _, err := bufio.NewReader(greeting).ReadString('/'); err != nil { // it prints its address when it listens
		b.Fatal(err)
	}
	return d
}

func (d *desk) post(path, kind, body string) (string, error) {
	res, err := d.client.Post("http://sandbox/api/v1/"+path, kind, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s answered %d: %s", path, res.StatusCode, raw)
	}
	return string(raw), err
}

// told begins a conversation with a typed message and gives it once that is answered.
func (d *desk) told(text string) string {
	d.b.Helper()
	made, err := d.post("conversations", "application/json", `{"channel":"chat"}`)
	if err != nil {
		d.b.Fatal(err)
	}
	var c struct{ ID string }
	if err := json.Unmarshal([]byte(made), &c); err != nil {
		d.b.Fatal(err)
	}
	res, err := d.client.Get("http://sandbox/api/v1/conversations/" + c.ID + "/events?follow=true")
	if err != nil {
		d.b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := d.post("conversations/"+c.ID+"/turns", "application/json", fmt.Sprintf(`{"text":%q}`, text)); err != nil {
		d.b.Fatal(err)
	}
	said := false
	for events := bufio.NewReader(res.Body); ; {
		line, err := events.ReadBytes('\n')
		if err != nil {
			d.b.Fatal(err)
		}
		said = said || bytes.Contains(line, []byte(`"conversation.turn.started"`))
		if said && bytes.Contains(line, []byte(`"conversation.turn.finished"`)) {
			return c.ID
		}
	}
}

// BenchmarkAnswer is a call as the person has it, in real time, with the service as
// it is run, the embedded engines and the guide: from the end of the last word to the
// first sound of the answer at the other end. While it is being given, the person says
// "stop" or talks over it, and how long it is heard after that is the second figure.
func BenchmarkAnswer(b *testing.B) {
	d := newDesk(b)
	stops := []string{"stop", "wait", "stop please", "wait a moment"}
	var complete, open []heardAnswer
	var silent []float64
	asked, unheard, missed := 0, 0, 0
	for b.Loop() {
		for _, voice := range []string{"slt", "rms", "awb"} {
			for part := range slices.Chunk([]string{
				"actually make it helsinki", "we want to share files", "two workers please", "no high availability please",
				"put it in nuremberg", "we have twelve people", "what does it cost", "make it three workers", "we want nextcloud",
				"i want it in falkenstein please", "we are thirty people", "what is a worker", "with high availability", "i want it in helsinki",
			}, 7) {
				id := d.told("We are a dental clinic in Muscat.")
				phone := dialBy(b, func(offer string) (string, error) {
					return d.post("conversations/"+id+"/call", "application/sdp", offer)
				}, route{})
				m := phone.open()
				time.Sleep(time.Second) // the noise of the room is learnt
				for i, text := range part {
					ended := m.say(voiceOf(b, voice, text))
					first, ok := phone.sounds(ended, 10*time.Second)
					if !ok {
						unheard++
						continue
					}
					select {
					case a := <-d.answers:
						a.total = float64(first.Sub(ended).Microseconds()) / 1000
						if a.Complete {
							complete = append(complete, a)
						} else {
							open = append(open, a)
						}
					case <-time.After(time.Second):
						asked++ // it was not sure that it heard right, and said so
					}
					time.Sleep(1200 * time.Millisecond) // into the answer
					ended = m.say(voiceOf(b, voice, stops[i%len(stops)]))
					last, ok := phone.silent(700*time.Millisecond, 15*time.Second)
					after := float64(last.Sub(ended).Microseconds()) / 1000
					if !ok || after > 1000 {
						missed++
						b.Logf("%q of %s was not heard, after %q", stops[i%len(stops)], voice, text)
						continue
					}
					silent = append(silent, after)
					time.Sleep(1500 * time.Millisecond) // the word "stop" is over, for both
				}
				_ = phone.pc.GracefulClose()
			}
		}
	}
	b.ReportMetric(float64(len(complete)), "complete")
	b.ReportMetric(float64(len(open)), "open")
	b.ReportMetric(float64(asked), "asked-again")
	b.ReportMetric(float64(unheard), "unheard")
	b.ReportMetric(float64(missed), "stops-missed")
	report := func(name string, all []heardAnswer, of func(heardAnswer) float64) {
		if len(all) == 0 {
			return
		}
		var values []float64
		for _, a := range all {
			values = append(values, of(a))
		}
		b.ReportMetric(quantile(values, 0.5), name+"-p50-ms")
		b.ReportMetric(quantile(values, 0.95), name+"-p95-ms")
	}
	report("total", complete, func(a heardAnswer) float64 { return a.total })
	report("open", open, func(a heardAnswer) float64 { return a.total })
	report("waited", complete, func(a heardAnswer) float64 { return a.Waited })
	report("recognised", complete, func(a heardAnswer) float64 { return a.Recognised })
	report("answered", complete, func(a heardAnswer) float64 { return a.Answered })
	report("voiced", complete, func(a heardAnswer) float64 { return a.Voiced })
	report("own", complete, func(a heardAnswer) float64 { return a.total - a.Waited - a.Recognised - a.Answered })
	if len(silent) > 0 {
		b.ReportMetric(quantile(silent, 0.5), "silent-p50-ms")
		b.ReportMetric(quantile(silent, 0.95), "silent-p95-ms")
		b.ReportMetric(float64(len(silent)), "stops")
	}
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1)+0.5)]
}

// sounds waits for the first sound after a moment.
func (p *phone) sounds(after time.Time, most time.Duration) (time.Time, bool) {
	return p.waits(most, func() (time.Time, bool) { return p.sound, p.sound.After(after) })
}

// silent waits until nothing was heard for so long, and gives when the last was.
func (p *phone) silent(quiet, most time.Duration) (time.Time, bool) {
	return p.waits(most, func() (time.Time, bool) { return p.sound, time.Since(p.sound) > quiet })
}

func (p *phone) waits(most time.Duration, seen func() (time.Time, bool)) (time.Time, bool) {
	late := time.NewTimer(most)
	defer late.Stop()
	for {
		p.mu.Lock()
		at, ok := seen()
		news := p.news
		p.mu.Unlock()
		if ok {
			return at, true
		}
		select {
		case <-news:
		case <-late.C:
			return time.Time{}, false
		}
	}
}
