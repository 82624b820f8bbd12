package recording_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-audio/wav"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/voice/recording"
)

func open(t *testing.T, dir string, change func(*recording.Options)) (*recording.Store, *vault.Vault) {
	t.Helper()
	v, err := vault.Open(filepath.Join(dir, "vault"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := recording.Options{Dir: filepath.Join(dir, "recordings"), Sealer: v}
	if change != nil {
		change(&o)
	}
	s, err := recording.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// tone is one frame of a sound.
func tone(i int, hz float64) []int16 {
	pcm := make([]int16, recording.Rate/50)
	for k := range pcm {
		pcm[k] = int16(9000 * math.Sin(2*math.Pi*hz*float64(i*len(pcm)+k)/recording.Rate))
	}
	return pcm
}

// record makes a recording of so many frames: the person on 300 Hz, the agent on
// 500 Hz in the second half.
func record(t *testing.T, s *recording.Store, person string, frames int) {
	t.Helper()
	w, err := s.Begin(t.Context(), person, "c1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range frames {
		var agent []int16
		if i >= frames/2 {
			agent = tone(i, 500)
		}
		w.Frame(tone(i, 300), agent)
	}
	w.Said(recording.Cue{From: 2 * time.Second, To: 3 * time.Second, Who: "agent", Text: "It is <b>free</b> & fine."})
	w.Said(recording.Cue{From: time.Second, To: 1500 * time.Millisecond, Who: "person", Text: "hello there"})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordingAsWAVAndWebVTT(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, nil)
	record(t, s, "layla", 210)
	list, err := s.List(t.Context(), "layla", "c1")
	if err != nil || len(list) != 1 || list[0].Seconds != 4.2 || list[0].Running || list[0].ConversationID != "c1" {
		t.Fatalf("%+v, %v", list, err)
	}
	f, err := s.Sound(t.Context(), "layla", list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := wav.NewDecoder(f)
	buffer, err := d.FullPCMBuffer()
	if err != nil || d.SampleRate != recording.Rate || d.NumChans != 2 || d.BitDepth != 16 {
		t.Fatalf("%d Hz, %d channels, %d bits: %v", d.SampleRate, d.NumChans, d.BitDepth, err)
	}
	if n := len(buffer.Data) / 2; n != 210*recording.Rate/50 {
		t.Errorf("%d samples", n)
	}
	crossings := func(channel, from, to int) int {
		n := 0
		for i := from + 1; i < to; i++ {
			if (buffer.Data[2*i+channel] < 0) != (buffer.Data[2*(i-1)+channel] < 0) {
				n++
			}
		}
		return n
	}
	second := recording.Rate
	for name, n := range map[string]struct{ got, want int }{
		"person":          {crossings(0, second, 2*second), 600},
		"agent":           {crossings(1, 3*second, 4*second), 1000},
		"agent's silence": {crossings(1, 0, 2*second), 0},
	} {
		if n.got < n.want-10 || n.got > n.want+10 {
			t.Errorf("%s: %d changes of sign in a second, want %d", name, n.got, n.want)
		}
	}
	vtt, err := s.Captions(t.Context(), "layla", list[0].ID, map[string]string{"agent": "Concierge", "person": "You"})
	want := "WEBVTT\n\n00:00:01.000 --> 00:00:01.500\n<v You>hello there\n\n00:00:02.000 --> 00:00:03.000\n<v Concierge>It is &lt;b&gt;free&lt;/b&gt; &amp; fine.\n"
	if err != nil || vtt != want {
		t.Errorf("%v, %q, want %q", err, vtt, want)
	}
}

func TestRecordingIsItsOwnersAndSealed(t *testing.T) {
	dir := t.TempDir()
	s, v := open(t, dir, nil)
	record(t, s, "layla", 60)
	list, _ := s.List(t.Context(), "layla", "")
	if other, err := s.List(t.Context(), "omar", ""); err != nil || len(other) != 0 {
		t.Errorf("another person sees %+v, %v", other, err)
	}
	for _, id := range []string{list[0].ID, "../../vault", "", strings.Repeat("0", 32)} {
		if _, err := s.Sound(t.Context(), "omar", id); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: %v", id, err)
		}
		if err := s.Delete(t.Context(), "omar", id); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	err := filepath.WalkDir(filepath.Join(dir, "recordings"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte("hello there")) || bytes.Contains(raw, []byte("layla")) || strings.Contains(path, "layla") {
			t.Errorf("%s is not sealed", path)
		}
		if info, _ := d.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// A copy of the file is noise when the key is gone.
	if err := v.ForgetPerson(t.Context(), "layla"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sound(t.Context(), "layla", list[0].ID); err == nil {
		t.Error("it is heard after the key was destroyed")
	}
	if err := s.Forget(t.Context(), "layla"); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "recordings", "*", "*")); len(left) != 0 {
		t.Errorf("of somebody who was forgotten there is %v", left)
	}
}

func TestRecordingOfAGuestWhoSignsIn(t *testing.T) {
	s, v := open(t, t.TempDir(), nil)
	record(t, s, "guest-1", 110)
	if err := s.Adopt(t.Context(), "guest-1", "layla"); err != nil {
		t.Fatal(err)
	}
	if err := v.ForgetPerson(t.Context(), "guest-1"); err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), "layla", "c1")
	if err != nil || len(list) != 1 || list[0].Seconds != 2.2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if vtt, err := s.Captions(t.Context(), "layla", list[0].ID, nil); err != nil || !strings.Contains(vtt, "hello there") {
		t.Errorf("%q, %v", vtt, err)
	}
	if left, _ := s.List(t.Context(), "guest-1", ""); len(left) != 0 {
		t.Errorf("the guest still has %+v", left)
	}
}

func TestRecordingIsBounded(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	s, _ := open(t, dir, func(o *recording.Options) {
		o.MostTime, o.MostBytes, o.Keep = 2*time.Second, 400<<10, time.Hour
		o.Now = func() time.Time { return now }
	})
	w, err := s.Begin(t.Context(), "layla", "c1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 400 {
		w.Frame(tone(i, 300), nil)
	}
	<-w.Ended()
	_ = w.Close()
	list, _ := s.List(t.Context(), "layla", "c1")
	if len(list) != 1 || list[0].Seconds > 3 {
		t.Errorf("%+v", list)
	}
	for err == nil {
		record(t, s, "layla", 50)
		var more *recording.Writer
		if more, err = s.Begin(t.Context(), "layla", "c1"); err == nil {
			_ = more.Close()
		}
	}
	if fault.CodeOf(err) != fault.Limited {
		t.Errorf("without room it is %v", err)
	}
	list, _ = s.List(t.Context(), "layla", "")
	for _, r := range list {
		if err := s.Delete(t.Context(), "layla", r.ID); err != nil {
			t.Fatal(err)
		}
	}
	record(t, s, "layla", 50) // there is room again
	now = now.Add(2 * time.Hour)
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.List(t.Context(), "layla", ""); len(list) != 0 {
		t.Errorf("what is too old: %+v", list)
	}
}

// A recording that is cut anywhere, as by a crash, is a file up to its last whole
// piece; one that was changed is none.
func TestRecordingThatIsCutOrChanged(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, nil)
	record(t, s, "layla", 210)
	list, _ := s.List(t.Context(), "layla", "")
	files, _ := filepath.Glob(filepath.Join(dir, "recordings", "*", "*.call"))
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	seconds := func() (float64, error) {
		f, err := s.Sound(t.Context(), "layla", list[0].ID)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		d := wav.NewDecoder(f)
		n, err := d.Duration()
		return n.Seconds(), err
	}
	last := -1.0
	for i := range 20 {
		if err := os.WriteFile(files[0], whole[:len(whole)*(i+1)/20-1], 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := seconds()
		if err != nil || n < last || n > 4.21 {
			t.Fatalf("%d twentieths: %.2f s after %.2f s: %v", i+1, n, last, err)
		}
		last = n
	}
	if last < 4 {
		t.Errorf("all but the last byte are %.2f s", last)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	if err := os.WriteFile(files[0], changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := seconds(); fault.CodeOf(err) != fault.Internal {
		t.Errorf("changed, it is %.2f s and %v", n, err)
	}
}

// A process that records is killed: what it has written can be heard.
func TestRecordingSurvivesAKill(t *testing.T) {
	if dir := os.Getenv("RECORD_INTO"); dir != "" { // the process
		s, _ := open(t, dir, nil)
		w, err := s.Begin(t.Context(), "layla", "c1")
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			w.Frame(tone(i, 300), nil)
			if i%100 == 99 {
				_, _ = os.Stdout.WriteString(strconv.Itoa(i) + "\n")
			}
			time.Sleep(time.Millisecond)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestRecordingSurvivesAKill$")
	cmd.Env = append(os.Environ(), "RECORD_INTO="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAtLeast(out, make([]byte, 16), 12); err != nil { // some 400 frames
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s, _ := open(t, dir, nil)
	list, err := s.List(context.Background(), "layla", "c1")
	if err != nil || len(list) != 1 || list[0].Running || list[0].Seconds < 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	f, err := s.Sound(t.Context(), "layla", list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := wav.NewDecoder(f)
	buffer, err := d.FullPCMBuffer()
	if err != nil || len(buffer.Data) != int(math.Round(list[0].Seconds*2*recording.Rate)) {
		t.Errorf("%d samples: %v", len(buffer.Data), err)
	}
}
