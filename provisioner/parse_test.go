package provisioner_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

// TestParseSpecNamesEverything: each body, and the violations that it gets, as
// "path rule value".
func TestParseSpecNamesEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a word for a number":      {`{"workerCount":"many"}`, []string{"workerCount type many"}},
		"a number in quotes":       {`{"regions":[{"workerCount":"3"}]}`, []string{"regions[0].workerCount type 3"}},
		"a fraction":               {`{"regions":[{"workerCount":2.5}]}`, []string{"regions[0].workerCount type 2.5"}},
		"a huge number":            {`{"orgSize":1e999}`, []string{"orgSize type 1e999"}},
		"a number for a text":      {`{"orgName":7}`, []string{"orgName type 7"}},
		"a text for a flag":        {`{"haEnabled":"yes"}`, []string{"haEnabled type yes"}},
		"an object for the list":   {`{"regions":{"cloudRegion":"fsn1"}}`, []string{"regions type {…} with 1 field"}},
		"a text for a region":      {`{"regions":["fsn1"]}`, []string{"regions[0] type fsn1"}},
		"null for a region":        {`{"regions":[null]}`, []string{"regions[0] type null"}},
		"null in a region":         {`{"regions":[{"workerCount":null}]}`, []string{"regions[0].workerCount type null"}},
		"a text for a list":        {`{"apps":"nextcloud"}`, []string{"apps type nextcloud"}},
		"a number in a list":       {`{"apps":["nextcloud",3]}`, []string{"apps[1] type 3"}},
		"too many entries":         {`{"apps":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 300), ",") + `]}`, []string{"apps range 300"}},
		"twelve regions":           {`{"regions":[` + strings.TrimSuffix(strings.Repeat(`{},`, 12), ",") + `]}`, []string{"regions range 12"}},
		"a field given twice":      {`{"orgName":"A","orgName":"B"}`, []string{"orgName duplicate "}},
		"twice in a region":        {`{"regions":[{"cloudRegion":"a","cloudRegion":"b"}]}`, []string{"regions[0].cloudRegion duplicate "}},
		"a typing error":           {`{"orgNmae":"A"}`, []string{"orgNmae field "}},
		"another case":             {`{"OrgName":"A"}`, []string{"OrgName field "}},
		"an unknown field":         {`{"flavour":"vanilla"}`, []string{"flavour field "}},
		"unknown in a region":      {`{"regions":[{"cores":4}]}`, []string{"regions[0].cores field "}},
		"a secret":                 {`{"cloudToken":"hush-canary"}`, []string{"cloudToken secret "}},
		"a key of the wrong type":  {`{"sshPublicKey":["hush-canary"]}`, []string{"sshPublicKey type "}},
		"a secret in a structure":  {`{"orgName":{"x":"hush-canary"}}`, []string{"orgName type {…} with 1 field"}},
		"several at once":          {`{"orgName":1,"regions":[{"workerCount":"many","x":1}],"apps":"a","orgName":2}`, []string{"apps type a", "orgName duplicate ", "orgName type 1", "regions[0].workerCount type many", "regions[0].x field "}},
		"a list":                   {`[]`, []string{" type […] with 0 entries"}},
		"null":                     {`null`, []string{" type null"}},
		"a text":                   {`"orgName"`, []string{" type orgName"}},
		"text behind it":           {"{}\n {\"orgName\":\"A\"}", []string{" json "}},
		"a bracket too many":       {`{}}`, []string{" json "}},
		"half of it":               {`{"orgName":"Ac`, []string{` json {"orgName":"Ac`}},
		"no JSON":                  {`orgName: Acme`, []string{" json orgName: Acme"}},
		"a missing comma":          {"{\"orgName\":\"A\"\n\"orgEmail\":\"b\"}", []string{" json " + `{"orgName":"A"` + "\n" + `"orgEmail":"b"}`}},
		"nothing":                  {"  ", []string{" json "}},
		"not UTF-8":                {"{\"orgName\":\"\xff\"}", []string{" json "}},
		"a nest without end":       {strings.Repeat("[", 1<<19), []string{" depth "}},
		"objects without end":      {strings.Repeat(`{"regions":`, 1<<15), []string{" depth "}},
		"more than a megabyte":     {`{"orgName":"` + strings.Repeat("a", 1<<20) + `"}`, []string{" size "}},
		"a megabyte of one name":   {`{"orgNmae":"` + strings.Repeat("a", 1<<20-20) + `"}`, []string{"orgNmae field "}},
		"null for what may be out": {`{"orgName":null,"apps":null,"haEnabled":null,"workerCount":null,"regions":null}`, nil},
		"what only upstream uses":  {`{"hetznerToken":"x","parentDomains":[{"name":"a"}],"regions":[{"storageClass":"x"}]}`, nil},
		"a byte order mark":        {"\xef\xbb\xbf{}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := provisioner.ParseSpec([]byte(c.body))
			var got []string
			if err != nil {
				f := fault.From(err)
				if f.Code != fault.Invalid {
					t.Errorf("the fault is %s", f.Code)
				}
				for _, v := range f.Violations {
					got = append(got, v.Path+" "+v.Rule+" "+v.Value)
					if v.Message == "" || v.Suggestion == "" {
						t.Errorf("a violation says nothing: %+v", v)
					}
				}
				if strings.Contains(f.Text(), "hush-canary") {
					t.Errorf("a value that may be secret is repeated: %s", f.Text())
				}
			}
			if !sameTexts(got, c.want) {
				t.Errorf("%.60s: got %q, want %q", c.body, got, c.want)
			}
		})
	}
}

// sameTexts compares without regard to the order.
func sameTexts(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestParseSpecSuggests(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"orgNmae":"A"}`:                     "orgName",
		`{"sovereignSubDomain":"a"}`:          "sovereignSubdomain",
		`{"regions":[{"workersCount":1}]}`:    "workerCount",
		`{"regions":[{"workerCount":"3"}]}`:   "3 without the quotes",
		`{"apps":"nextcloud"}`:                `["nextcloud"]`,
		"{\n  \"orgName\": \"A\",\n  oops\n}": "comma",
	} {
		_, err := provisioner.ParseSpec([]byte(body))
		if err == nil || !strings.Contains(fault.From(err).Violations[0].Suggestion, want) {
			t.Errorf("%s: %v does not suggest %s", body, err, want)
		}
	}
	_, err := provisioner.ParseSpec([]byte("{\n  \"orgName\": \"Ä\", oops\n}"))
	if err == nil || !strings.Contains(err.Error(), "line 2, column 19") {
		t.Errorf("the place of the mistake: %v", err)
	}
}

// TestWholeRequestIsJudgedAtOnce: what does not read and what breaks a rule come
// together, and what was not read is not called missing as well.
func TestWholeRequestIsJudgedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, provisioner.Simulated)
	_, err := r.service.PlanRequest(t.Context(), owner, []byte(`{"orgName":7,"orgEmail":"nobody","apps":["telepathy"],
		"regions":[{"provider":"hetzner","cloudRegion":"moon","controlPlaneSize":"cpx22","workerSize":"cpx32","workerCount":"many"}],"sovereignSubdomain":"1acme"}`))
	got := map[string]string{}
	for _, v := range fault.From(err).Violations {
		got[v.Path] += v.Rule
	}
	want := map[string]string{"orgName": "type", "orgEmail": "email", "apps[0]": "app", "regions[0].cloudRegion": "region",
		"regions[0].workerCount": "type", "sovereignSubdomain": "subdomain"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err = r.service.PlanRequest(t.Context(), owner, []byte(`{"regions":"fsn1"}`))
	for _, v := range fault.From(err).Violations {
		if v.Path == "orgHeadquarters" || v.Path == "regions" && v.Rule != "type" || v.Suggestion == "" {
			t.Errorf("%+v", v)
		}
	}
}

// FuzzParseSpec: whatever comes is read or refused with reasons, and what is read
// is the same when it is written and read again.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{
		`{"orgName":"Acme","regions":[{"provider":"hetzner","cloudRegion":"fsn1","controlPlaneSize":"cpx22","workerSize":"cpx32","workerCount":3}],"apps":["nextcloud"],"haEnabled":true}`,
		`{"workerCount":"many"}`, `{"regions":{}}`, `{"apps":"x","apps":[null]}`, `[[[[[[[`, `{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}`, `null`, `{} {}`, "\xef\xbb\xbf{}",
		`{"region":"fsn1","workerCount":2,"provider":"hetzner"}`, `{"orgSize":9007199254740993}`, `{"\u0000":1}`, `{"regions":[{},{},{"workerCount":-1}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		spec, err := provisioner.ParseSpec(body)
		if err != nil {
			fa := fault.From(err)
			if fa.Code != fault.Invalid || len(fa.Violations) == 0 || len(fa.Violations) > 51 {
				t.Fatalf("refused as %s with %d violations", fa.Code, len(fa.Violations))
			}
			for _, v := range fa.Violations {
				if v.Message == "" || v.Suggestion == "" || v.Rule == "" || len([]rune(v.Value)) > 80 {
					t.Errorf("a violation says nothing, or too much: %+v", v)
				}
			}
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(body), "\xef\xbb\xbf"))) {
			t.Fatal("it was read and is no JSON")
		}
		raw, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		again, err := provisioner.ParseSpec(raw)
		if err != nil || !reflect.DeepEqual(spec, again) {
			t.Errorf("%+v was written as %s and read as %+v (%v)", spec, raw, again, err)
		}
	})
}
