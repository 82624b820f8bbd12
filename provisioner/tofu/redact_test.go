package tofu_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/provisioner/tofu"
)

// fstestWith adds a file to a module.
func fstestWith(module fs.FS, name, content string) fs.FS {
	out := fstest.MapFS{name: {Data: []byte(content)}}
	for k, v := range module.(fstest.MapFS) {
		out[k] = v
	}
	return out
}

// TestRedactionHidesWhatIsMarked: in any plan, a value that sits where the marks
// say sensitive is not in the result, wherever it is and however deep.
func TestRedactionHidesWhatIsMarked(t *testing.T) {
	t.Parallel()
	const secret = "s3cret-value-that-must-not-be-seen"
	rapid.Check(t, func(t *rapid.T) {
		value, marks := nested(t, secret, 4)
		change := map[string]any{"actions": []string{"update"}, "before": value, "before_sensitive": marks, "after": value, "after_sensitive": marks}
		plan := map[string]any{
			"format_version":   "1.2",
			"variables":        map[string]any{"token": map[string]any{"value": secret}},
			"resource_changes": []any{map[string]any{"address": "a.b", "change": change}},
			"resource_drift":   []any{map[string]any{"address": "a.b", "change": change}},
			"output_changes":   map[string]any{"o": change},
			"planned_values": map[string]any{
				"outputs":     map[string]any{"o": map[string]any{"sensitive": true, "value": secret}},
				"root_module": map[string]any{"child_modules": []any{map[string]any{"resources": []any{map[string]any{"values": value, "sensitive_values": marks}}}}},
			},
			"prior_state":   map[string]any{"values": map[string]any{"root_module": map[string]any{"resources": []any{map[string]any{"values": value, "sensitive_values": marks}}}}},
			"configuration": map[string]any{"root_module": map[string]any{"variables": map[string]any{"t": map[string]any{"sensitive": true, "default": secret}}}},
		}
		raw, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tofu.Redact(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out, []byte(secret)) {
			t.Fatalf("still there: %s", out)
		}
	})
}

// nested draws a value that hides secret somewhere, and the marks for it.
func nested(t *rapid.T, secret string, depth int) (value, marks any) {
	switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
	case depth == 0 || kind == 0:
		return secret, true
	case kind == 1:
		v, m := nested(t, secret, depth-1)
		return map[string]any{"open": "x", "n": 1, "inner": v}, map[string]any{"inner": m}
	case kind == 2:
		v, m := nested(t, secret, depth-1)
		return []any{"open", v, "open"}, []any{false, m}
	default:
		return map[string]any{"user_data": secret}, map[string]any{}
	}
}

func TestRedactionSearchesForSecrets(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"format_version":"1.2","resource_changes":[{"change":{"after":{"note":"prefix-unmarked-secret-suffix","other":"fine"}}}]}`)
	out, err := tofu.Redact(raw, []string{"unmarked-secret", "fin"})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("unmarked")) || !bytes.Contains(out, []byte("fine")) {
		t.Errorf("%s", out)
	}
}

// FuzzRedact: any bytes give an error or valid JSON without variables, never a
// panic.
func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"variables":{"a":{"value":"x"}},"resource_changes":[{"change":{"after":{"user_data":"y"},"after_sensitive":true}}]}`))
	f.Add([]byte(`{"resource_changes":{},"output_changes":[1],"planned_values":"x"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := tofu.Redact(raw, []string{"12345678"})
		if err != nil {
			return
		}
		var plan map[string]any
		if err := json.Unmarshal(out, &plan); err != nil {
			t.Fatal(err)
		}
		if _, ok := plan["variables"]; ok {
			t.Fatal("variables are left")
		}
	})
}

// FuzzDecode: a stream's line is data from a process; any bytes are fine.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"@level":"info","@message":"a: Creation complete","@timestamp":"2026-11-23T09:49:04.379850Z","hook":{"resource":{"addr":"a"},"action":"create","id_key":"id","id_value":"7"},"type":"apply_complete"}`))
	f.Add([]byte(`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"s","detail":"d"}}`))
	f.Add([]byte(`{"type":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if m, ok := tofu.Decode(line); ok && m.Type == "" {
			t.Fatal("a message without a type")
		}
	})
}
