package cluster_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// cloudConfig is a cloud-config with one file.
func cloudConfig(t interface{ Fatal(...any) }, path, encoding string, content any, more ...map[string]any) string {
	files := []any{map[string]any{"path": path, "encoding": encoding, "content": content}}
	for _, m := range more {
		files = append(files, m)
	}
	b, err := yaml.Marshal(map[string]any{"write_files": files})
	if err != nil {
		t.Fatal(err)
	}
	return "#cloud-config\n" + string(b)
}

// Every encoding of cloud-init gives back what was put in.
func TestEncodingsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~\n]{0,200}`).Draw(t, "text")
		b64 := base64.StdEncoding.EncodeToString
		for encoding, content := range map[string]string{
			"": text, "text/plain": text, "b64": b64([]byte(text)), "base64": b64([]byte(text)),
			"gz+b64": b64(zipped([]byte(text))), "gz+base64": b64(zipped([]byte(text))), "gzip+b64": b64(zipped([]byte(text))), "GZIP+base64": b64(zipped([]byte(text))),
		} {
			data := cloudConfig(t, "/etc/x", encoding, content)
			for _, d := range []string{data, string(zipped([]byte(data)))} {
				files, err := cluster.ReadUserData(d)
				if err != nil || string(files["/etc/x"].Content) != text {
					t.Fatalf("%q: %v, %q", encoding, err, files["/etc/x"].Content)
				}
			}
		}
	})
}

func TestLaterFilesWinAndAppend(t *testing.T) {
	files, err := cluster.ReadUserData(cloudConfig(t, "/etc/x", "", "one",
		map[string]any{"path": "/etc/../etc/x", "content": "two", "permissions": "0600"},
		map[string]any{"path": "/etc/x", "content": " three", "append": true}))
	if err != nil || len(files) != 1 || string(files["/etc/x"].Content) != "two three" {
		t.Errorf("%v, %v", files, err)
	}
}

func TestUserDataThatIsNone(t *testing.T) {
	for _, data := range []string{"", "#!/bin/sh\n", "hello", "#cloud-config-archive\n- x\n"} {
		if files, err := cluster.ReadUserData(data); err != nil || len(files) != 0 {
			t.Errorf("%q: %v, %v", data, files, err)
		}
	}
}

func TestUserDataThatIsBroken(t *testing.T) {
	bomb := base64.StdEncoding.EncodeToString(zipped(make([]byte, 9<<20)))
	for name, data := range map[string]string{
		"relative path": cloudConfig(t, "etc/x", "", "x"),
		"no text":       cloudConfig(t, "/etc/x", "", 3),
		"no base64":     cloudConfig(t, "/etc/x", "b64", "%%%"),
		"no gzip":       cloudConfig(t, "/etc/x", "gz+b64", "aGVsbG8="),
		"a bomb":        cloudConfig(t, "/etc/x", "gz+b64", bomb),
		"no yaml":       "#cloud-config\n\t- :",
		"broken gzip":   "\x1f\x8bxx",
		"too large":     "#cloud-config\n" + strings.Repeat("#", cluster.MaxUserData),
	} {
		_, err := cluster.ReadUserData(data)
		if code := fault.CodeOf(err); code != fault.Invalid && code != fault.Limited {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadUserData(f *testing.F) {
	f.Add("#cloud-config\nwrite_files:\n- {path: /a, encoding: gz+b64, content: H4sIAAAAAAAAAwMAAAAAAAAAAAA=}\n")
	f.Add("\x1f\x8b")
	f.Add(fmt.Sprintf("#cloud-config\n%s", "a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data string) {
		files, err := cluster.ReadUserData(data)
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
		for path, file := range files {
			if path == "" || path[0] != '/' || file.Path != path {
				t.Fatalf("the file %q is at %q", file.Path, path)
			}
		}
	})
}
