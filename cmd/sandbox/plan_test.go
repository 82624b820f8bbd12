package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goodSpec is a complete specification with some fields replaced.
func goodSpec(t *testing.T, fields map[string]any) string {
	t.Helper()
	spec := map[string]any{
		"orgName": "Acme", "orgEmail": "platform@acme.example", "sovereignDomainMode": "pool", "sovereignPoolDomain": "omani.works",
		"sovereignSubdomain": "acme", "objectStorageRegion": "fsn1", "apps": []string{"nextcloud"},
		"regions": []any{region(nil)},
	}
	maps.Copy(spec, fields)
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// region is a complete region with some fields replaced.
func region(fields map[string]any) map[string]any {
	r := map[string]any{"provider": "hetzner", "cloudRegion": "fsn1", "controlPlaneSize": "cpx22", "workerSize": "cpx32", "workerCount": 3}
	maps.Copy(r, fields)
	return r
}

// plan runs `sandbox plan --json` and gives its output and its exit code.
func plan(t *testing.T, dir, spec string) (stdout []byte, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "sandbox"), "plan", "--json", "--data-dir", dir,
		"--speed", storySpeed, "--listen", "127.0.0.1:0", "--log-level", "warn", "-")
	cmd.Stdin = strings.NewReader(spec)
	var words bytes.Buffer
	cmd.Stderr = &words
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout, words.String(), cmd.ProcessState.ExitCode()
}

func TestPlanRefusesBadSpecs(t *testing.T) {
	dir := home(t)
	in := func(fields map[string]any) string {
		return goodSpec(t, map[string]any{"regions": []any{region(fields)}})
	}
	own := func(fqdn string) string {
		return goodSpec(t, map[string]any{"sovereignDomainMode": "byo-manual", "sovereignFQDN": fqdn, "sovereignPoolDomain": "", "sovereignSubdomain": ""})
	}
	for name, x := range map[string]struct {
		spec string
		path string // of one of the violations
	}{
		"unknown region":     {in(map[string]any{"cloudRegion": "moon"}), "regions[0].cloudRegion"},
		"no such size":       {in(map[string]any{"controlPlaneSize": "cpx9000"}), "regions[0].controlPlaneSize"},
		"size not on sale":   {in(map[string]any{"workerSize": "cx33"}), "regions[0].workerSize"},
		"negative workers":   {in(map[string]any{"workerCount": -1}), "regions[0].workerCount"},
		"51 workers":         {in(map[string]any{"workerCount": 51}), "regions[0].workerCount"},
		"many workers":       {in(map[string]any{"workerCount": "many"}), "regions[0].workerCount"},
		"regions, an object": {goodSpec(t, map[string]any{"regions": region(nil)}), "regions"},
		"apps, a text":       {goodSpec(t, map[string]any{"apps": "nextcloud"}), "apps"},
		"a typing error":     {goodSpec(t, map[string]any{"orgNmae": "Acme"}), "orgNmae"},
		"given twice":        {strings.Replace(goodSpec(t, nil), `"orgName"`, `"orgName":"Acme Two","orgName"`, 1), "orgName"},
		"text behind it":     {goodSpec(t, nil) + goodSpec(t, nil), ""},
		"a deep nest":        {strings.Repeat(`{"regions":[`, 1<<12), ""},
		"digit first":        {goodSpec(t, map[string]any{"sovereignSubdomain": "1acme"}), "sovereignSubdomain"},
		"digit first, own":   {own("1acme.example.org"), "sovereignFQDN"},
		"300 characters":     {own(strings.Repeat("a", 300) + ".example.org"), "sovereignFQDN"},
		"no e-mail":          {goodSpec(t, map[string]any{"orgEmail": "acme.example"}), "orgEmail"},
		"malformed key":      {goodSpec(t, map[string]any{"sshPublicKey": "ssh-ed25519 not-a-key"}), "sshPublicKey"},
		"unknown app":        {goodSpec(t, map[string]any{"apps": []string{"nextcloud", "telepathy"}}), "apps[1]"},
		"nothing in it":      {"{}", "orgName"},
		"not JSON":           {"orgName: Acme", ""},
		"half of it":         {goodSpec(t, nil)[:40], ""},
		"a list":             {"[]", ""},
		"empty":              {"", ""},
		"2 MB":               {`{"orgName":"` + strings.Repeat("a", 2<<20) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, words, code := plan(t, dir, x.spec)
			if code != 2 {
				t.Errorf("the exit code is %d, want 2; %s", code, words)
			}
			var refused struct {
				Violations []struct{ Path, Rule, Message string }
			}
			if err := json.Unmarshal(out, &refused); err != nil || len(refused.Violations) == 0 {
				t.Fatalf("the output is %q (%v)", tail(string(out), 400), err)
			}
			found := false
			for _, v := range refused.Violations {
				found = found || v.Path == x.path
				if v.Path == "" && x.path != "" || v.Rule == "" || v.Message == "" {
					t.Errorf("a violation says nothing: %+v", v)
				}
			}
			if !found && x.path != "" {
				t.Errorf("no violation at %s: %+v", x.path, refused.Violations)
			}
			if len(out) > 16<<10 {
				t.Errorf("the output has %d bytes", len(out))
			}
		})
	}
}

func TestPlanUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"no file":     {"plan", "--json"},
		"two files":   {"plan", "a.json", "b.json"},
		"not there":   {"plan", filepath.Join(t.TempDir(), "none.json")},
		"bad option":  {"plan", "--colour", "-"},
		"bad command": {"destroy"},
	} {
		cmd := exec.Command(filepath.Join(binaries, "sandbox"), args...)
		var words bytes.Buffer
		cmd.Stderr = &words
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != 2 || words.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", name, code, &words)
		}
	}
}

func TestPlanGoodSpec(t *testing.T) {
	needTofu(t)
	dir := home(t)
	type result struct {
		Digest  string
		Changes []struct{ Address, Action string }
		Cost    struct {
			Monthly struct{ Amount, Currency string }
		}
		Tfvars map[string]any
	}
	var first result
	for range 2 {
		out, words, code := plan(t, dir, goodSpec(t, nil))
		if code != 0 {
			t.Fatalf("the exit code is %d: %s %s", code, words, out)
		}
		var r result
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatalf("the output is %q: %v", out, err)
		}
		if len(r.Digest) < 64 || len(r.Changes) < 8 || r.Cost.Monthly.Amount == "" || r.Cost.Monthly.Currency != "EUR" || r.Tfvars["sovereign_fqdn"] != "acme.omani.works" {
			t.Errorf("the plan is %+v", r)
		}
		for _, c := range r.Changes {
			if c.Address == "" || c.Action != "create" {
				t.Errorf("the change is %+v", c)
			}
		}
		if first.Digest == "" {
			first = r
		} else if r.Digest != first.Digest {
			t.Errorf("the same specification got the plans %s and %s", first.Digest, r.Digest)
		}
	}
}
