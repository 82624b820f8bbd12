package speech_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/voice/speech"
)

const model = "/usr/share/pocketsphinx/model/en-us"

// earBinary builds sandbox-ear once for the package's tests.
var earBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-ear-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sandbox-ear")
	cmd := exec.Command("go", "build", "-tags", "pocketsphinx", "-o", path, "../../cmd/sandbox-ear")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed; make packages installs it", p)
		}
	}
}

func slots() map[string][]string {
	return map[string][]string{
		"business": {"dental clinic", "hotel", "school", "bank", "law firm", "shop"},
		"city":     {"muscat", "berlin", "dubai", "paris", "london", "istanbul"},
		"region":   {"helsinki", "falkenstein", "nuremberg", "ashburn", "singapore", "germany", "finland"},
		"number":   {"one", "two", "three", "four", "five", "ten", "twelve", "twenty", "fifty"},
		"app":      {"nextcloud", "file sharing", "a wiki", "online booking", "video calls"},
		"name":     {"al noor dental clinic", "blue water hotel", "green valley school"},
	}
}

func newEar(t testing.TB, o speech.EarOptions) *speech.Ear {
	t.Helper()
	if _, err := os.Stat(model); err != nil {
		t.Skip("the recogniser's model is not installed; make packages installs pocketsphinx-en-us")
	}
	path, err := earBinary()
	if err != nil {
		t.Fatalf("building sandbox-ear: %v", err)
	}
	if o.Path == "" {
		o.Path = path
	}
	o.Model, o.Dir = model, t.TempDir()
	o.Sentences = speech.Corpus("en", slots())
	o.Pronunciations = map[string]string{"nextcloud": "N EH K S T K L AW D", "falkenstein": "F AA L K AH N S T AY N"}
	e, err := speech.NewEar(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// said is the sound of a sentence, by a speaker of flite, at speech.Rate, with
// silence around it.
func said(t testing.TB, voice, text string) []int16 {
	t.Helper()
	needs(t, "flite")
	out := filepath.Join(t.TempDir(), "said.wav")
	if raw, err := exec.Command("flite", "-voice", voice, "-t", text, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v: %s", err, raw)
	}
	wav, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	quiet := make([]int16, speech.Rate/4)
	return append(append(quiet, speech.PCMSamples(wav[44:])...), quiet...)
}
