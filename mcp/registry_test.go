package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
)

// The schema that a client reads is the one that is enforced: it is valid by the
// meta-schema, closed at every level, and has every limit.
func TestSchemaIsGenerated(t *testing.T) {
	list, err := inside(t, newBox(t)).List(t.Context(), anna())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d mcp.Described) bool { return d.Name == "box.echo" })
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(list[i].InputSchema)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("x.json", doc); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compile("x.json"); err != nil {
		t.Fatal(err)
	}
	var got, want any
	const schema = `{"type":"object","required":["text"],"additionalProperties":false,"properties":{
		"text":{"type":"string","minLength":2,"maxLength":20,"description":"what comes back"},
		"mode":{"type":"string","enum":["loud","quiet"],"description":"how"},
		"count":{"type":"integer","minimum":1,"maximum":3,"description":"how often"},
		"code":{"type":"string","maxLength":2000,"pattern":"^[a-f]{2,3}$","description":"two or three letters a to f"},
		"tags":{"type":"array","maxItems":2,"items":{"type":"string","maxLength":2000},"description":"words"},
		"parts":{"type":"array","maxItems":100,"description":"parts","items":{"type":"object","required":["name"],"additionalProperties":false,
			"properties":{"name":{"type":"string","maxLength":2000,"description":"its name"}}}},
		"any":{"type":["string","number","boolean","array","null"],"maxLength":2000,"maxItems":100,"items":{"type":"string","maxLength":2000},"description":"anything"}}}`
	if json.Unmarshal(list[i].InputSchema, &got) != nil || json.Unmarshal([]byte(schema), &want) != nil {
		t.Fatal("no JSON")
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the schema is\n%s\nwant\n%s", list[i].InputSchema, schema)
	}
}

// Whatever does not fit is refused before the tool runs, all at once, each with
// its place.
func TestSchemaIsEnforced(t *testing.T) {
	b := newBox(t)
	c := inside(t, b)
	for name, x := range map[string]struct{ arguments, path, rule, says string }{
		"missing":         {`{}`, "text", "required", "missing"},
		"no arguments":    {``, "text", "required", "missing"},
		"wrong type":      {`{"text":7}`, "text", "type", "a number and has to be a text"},
		"null":            {`{"text":null}`, "text", "type", "null and has to be a text"},
		"a list for null": {`{"text":"ab","tags":null}`, "tags", "type", "has to be a list"},
		"unknown":         {`{"text":"ab","texts":"x"}`, "texts", "unknown", `no argument "texts"`},
		"unknown below":   {`{"text":"ab","parts":[{"name":"x"},{"name":"x","size":1}]}`, "parts[1].size", "unknown", `"size"`},
		"missing below":   {`{"text":"ab","parts":[{}]}`, "parts[0].name", "required", "missing"},
		"too short":       {`{"text":"a"}`, "text", "length", "at least 2"},
		"too long":        {`{"text":"` + strings.Repeat("é", 21) + `"}`, "text", "length", "has 21 characters; it may have at most 20"},
		"far too long":    {`{"text":"ab","code":"` + strings.Repeat("a", 5000) + `"}`, "code", "length", "5000"},
		"too many":        {`{"text":"ab","tags":["a","b","c"]}`, "tags", "length", "3 entries"},
		"not one of":      {`{"text":"ab","mode":"shout"}`, "mode", "enum", "loud, quiet"},
		"too small":       {`{"text":"ab","count":0}`, "count", "range", "1 or more"},
		"too large":       {`{"text":"ab","count":4}`, "count", "range", "3 or less"},
		"a fraction":      {`{"text":"ab","count":1.5}`, "count", "type", "whole number"},
		"pattern":         {`{"text":"ab","code":"xyz"}`, "code", "pattern", "^[a-f]{2,3}$"},
		"object as value": {`{"text":"ab","any":{"a":1}}`, "any", "type", "an object"},
		"list of objects": {`{"text":"ab","any":[{"a":1}]}`, "any[0]", "type", "an object"},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := c.Call(t.Context(), anna(), "box.echo", json.RawMessage(x.arguments))
			if err != nil || !res.IsError {
				t.Fatalf("%+v, %v", res, err)
			}
			f := problem(t, res.Structured)
			i := slices.IndexFunc(f.Violations, func(v fault.Violation) bool { return v.Path == x.path && v.Rule == x.rule })
			if f.Code != fault.Invalid || i < 0 || !strings.Contains(f.Violations[i].Message, x.says) {
				t.Fatalf("the refusal is %s", res.Structured)
			}
			if !strings.Contains(res.Text, x.path) || !strings.Contains(res.Text, f.Violations[i].Message) {
				t.Errorf("the text %q does not say it", res.Text)
			}
		})
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("the tool ran %d times", n)
	}
	res, err := c.Call(t.Context(), anna(), "box.echo", json.RawMessage(`{"text":"a","count":9,"x":1,"mode":"z"}`))
	if f := problem(t, res.Structured); err != nil || len(f.Violations) != 4 {
		t.Errorf("not everything is said at once: %+v, %v", f, err)
	}
	for _, no := range []string{`"text"`, `[1]`, `7`, `{`} {
		if res, err := c.Call(t.Context(), anna(), "box.echo", json.RawMessage(no)); err != nil || !res.IsError || problem(t, res.Structured).Code != fault.Invalid {
			t.Errorf("the arguments %s: %+v, %v", no, res, err)
		}
	}
}

func TestGoodArgumentsArrive(t *testing.T) {
	b := newBox(t)
	const all = `{"text":"ab","mode":"loud","count":3,"code":"aff","tags":["x","y"],"parts":[{"name":"p"}],"any":["q"]}`
	res, err := inside(t, b).Call(t.Context(), anna(), "box.echo", json.RawMessage(all))
	if err != nil || res.IsError || string(res.Structured) != all || res.Text != all {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, v := range []string{`"x"`, `7`, `true`, `null`, `[]`, `1.5`} {
		if res, err := inside(t, b).Call(t.Context(), anna(), "box.echo", json.RawMessage(`{"text":"ab","any":`+v+`}`)); err != nil || res.IsError {
			t.Errorf("the value %s: %+v, %v", v, res, err)
		}
	}
	if c := <-b.callers; c.Actor.Kind != journal.Model || c.Actor.Subject != "anna" {
		t.Errorf("the tool was called by %+v; a person's agent is no person", c.Actor)
	}
}

func TestGrants(t *testing.T) {
	for _, x := range []struct {
		grants     mcp.Grants
		capability string
		want       bool
	}{
		{nil, "a.b", false}, {mcp.Grants{}, "a.b", false}, {mcp.Everything, "a.b", true},
		{mcp.Grants{"a.b"}, "a.b", true}, {mcp.Grants{"a.b"}, "a.b.c", false}, {mcp.Grants{"a"}, "a.b", false},
		{mcp.Grants{"a.*"}, "a.b", true}, {mcp.Grants{"a.*"}, "a.b.c", true}, {mcp.Grants{"a.*"}, "a", true},
		{mcp.Grants{"a.*"}, "ab.c", false}, {mcp.Grants{"a*"}, "ab", false}, {mcp.Grants{"x", "a.b.*"}, "a.b.c", true},
		{mcp.Grants{""}, "a", false}, {mcp.Grants{".*"}, "a", false},
	} {
		if got := x.grants.Allow(x.capability); got != x.want {
			t.Errorf("%q allow %q: %v", x.grants, x.capability, got)
		}
	}
}

// A list hides exactly what a call would not find.
func TestListHidesWhatACallDenies(t *testing.T) {
	b := newBox(t)
	c := inside(t, b)
	all := []string{"box.echo", "box.fail", "box.progress", "box.wait"}
	for _, x := range []struct {
		grants mcp.Grants
		want   []string
	}{
		{nil, nil}, {mcp.Everything, all}, {mcp.Grants{"box.*"}, all},
		{mcp.Grants{"box.echo"}, []string{"box.echo"}}, {mcp.Grants{"box.danger"}, []string{"box.fail"}}, {mcp.Grants{"box.fail"}, nil},
	} {
		who := anna()
		who.Grants = x.grants
		list, err := c.List(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range list {
			names = append(names, d.Name)
		}
		slices.Sort(names)
		if !slices.Equal(names, x.want) {
			t.Errorf("with %q the list is %q, want %q", x.grants, names, x.want)
		}
		for _, name := range all {
			res, err := c.Call(t.Context(), who, name, json.RawMessage(`{"bad":1}`))
			if err != nil {
				t.Fatal(err)
			}
			// Who may call it is told what is wrong; who may not is told that it is not there.
			found := problem(t, res.Structured).Code != fault.NotFound
			if found != slices.Contains(x.want, name) {
				t.Errorf("with %q %s answers %s", x.grants, name, res.Structured)
			}
		}
	}
	if list, err := c.List(t.Context(), mcp.Caller{Grants: mcp.Everything}); err != nil || len(list) != 0 {
		t.Errorf("nobody in particular sees %v, %v", list, err)
	}
}

func TestErrorsAreFaults(t *testing.T) {
	c := inside(t, newBox(t))
	for _, code := range []fault.Code{fault.Invalid, fault.Unauthenticated, fault.Denied, fault.NotFound, fault.Conflict, fault.Limited, fault.Unavailable} {
		res, err := c.Call(t.Context(), anna(), "box.fail", json.RawMessage(fmt.Sprintf(`{"how":%q}`, code)))
		f := problem(t, res.Structured)
		if err != nil || !res.IsError || f.Code != code || f.Message != "it is "+string(code) || f.Path != "how" || f.Hint != "Do otherwise." {
			t.Errorf("%s: %+v, %v", code, res, err)
		}
		if want := "it is " + string(code) + " (at how)\nDo otherwise."; res.Text != want {
			t.Errorf("the text is %q, want %q", res.Text, want)
		}
	}
	for _, how := range []string{"panic", "plain", "infinite", "internal"} {
		res, err := c.Call(t.Context(), anna(), "box.fail", json.RawMessage(fmt.Sprintf(`{"how":%q}`, how)))
		if err != nil || !res.IsError || problem(t, res.Structured).Code != fault.Internal {
			t.Errorf("%s: %+v, %v", how, res, err)
		}
		if all := res.Text + string(res.Structured); strings.Contains(all, "canary") || strings.Contains(all, ".go:") {
			t.Errorf("%s gives away its cause: %s", how, all)
		}
	}
	if res, err := c.Call(t.Context(), anna(), "box.none", nil); err != nil || !res.IsError || problem(t, res.Structured).Code != fault.NotFound {
		t.Errorf("a tool that is not there: %+v, %v", res, err)
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	b := newBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan mcp.Result, 1)
	c := inside(t, b)
	go func() {
		res, err := c.Call(ctx, anna(), "box.wait", json.RawMessage(`{"how":"x"}`))
		if err != nil {
			t.Error(err)
		}
		done <- res
	}()
	await(t, "call", b.waiting)
	cancel()
	// It is nobody's mistake, and so not an internal one.
	if res := await(t, "end", done); !res.IsError || problem(t, res.Structured).Code != fault.Unavailable || !strings.Contains(res.Text, "cancelled") {
		t.Errorf("the call ended with %+v", res)
	}
	await(t, "cancellation", b.cancelled)
}

func TestRegisterRefusesMistakes(t *testing.T) {
	run := func(context.Context, mcp.Caller, empty) (empty, error) { return empty{}, nil }
	for name, register := range map[string]func(r *mcp.Registry){
		"twice": func(r *mcp.Registry) {
			for range 2 {
				mcp.Register(r, mcp.Tool{Name: "a", Description: "a"}, run)
			}
		},
		"no name":        func(r *mcp.Registry) { mcp.Register(r, mcp.Tool{Description: "a"}, run) },
		"no description": func(r *mcp.Registry) { mcp.Register(r, mcp.Tool{Name: "a"}, run) },
		"no schema": func(r *mcp.Registry) {
			mcp.Register(r, mcp.Tool{Name: "a", Description: "a"}, func(context.Context, mcp.Caller, struct{ C chan int }) (empty, error) { return empty{}, nil })
		},
		"no object": func(r *mcp.Registry) {
			mcp.Register(r, mcp.Tool{Name: "a", Description: "a"}, func(context.Context, mcp.Caller, empty) (string, error) { return "", nil })
		},
		"a bad limit": func(r *mcp.Registry) {
			mcp.Register(r, mcp.Tool{Name: "a", Description: "a"}, func(context.Context, mcp.Caller, struct {
				A string `json:"a" limit:"most=3"`
			}) (empty, error) {
				return empty{}, nil
			})
		},
		"a bad pattern": func(r *mcp.Registry) {
			mcp.Register(r, mcp.Tool{Name: "a", Description: "a"}, func(context.Context, mcp.Caller, struct {
				A string `json:"a" limit:"match=("`
			}) (empty, error) {
				return empty{}, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			register(mcp.NewRegistry("x", "1", "", nil))
		})
	}
}

// Whatever a client sends as arguments, the answer is a result.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{}`, `{"text":"ab"}`, `{"text":{"a":[1]}}`, `{"parts":[[]]}`, `null`, `{"any":1e999}`, `{"a\u0000":1}`, "{\"\xff\":1}"} {
		f.Add(s)
	}
	b := mcp.NewRegistry("x", "1", "", nil)
	mcp.Register(b, mcp.Tool{Name: "e", Description: "e"}, func(_ context.Context, _ mcp.Caller, in echoIn) (echoIn, error) {
		if n := len([]rune(in.Text)); n < 2 || n > 20 || len(in.Tags) > 2 || in.Count < 0 || in.Count > 3 {
			panic("the schema was not enforced")
		}
		return in, nil
	})
	c, err := b.Local(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Close() })
	f.Fuzz(func(t *testing.T, arguments string) {
		res, err := c.Call(t.Context(), anna(), "e", json.RawMessage(arguments))
		if err != nil {
			t.Fatal(err)
		}
		if res.IsError && problem(t, res.Structured).Code != fault.Invalid {
			t.Fatalf("%s: %s", arguments, res.Text)
		}
	})
}
