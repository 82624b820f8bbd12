package provisioner_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

// good is a complete Spec.
func good() provisioner.Spec {
	return provisioner.Spec{
		OrgName: "Acme", OrgEmail: "platform@acme.io", SovereignDomainMode: "pool", SovereignPoolDomain: "omani.works",
		SovereignSubdomain: "acme", ObjectStorageRegion: "fsn1", Apps: []string{"nextcloud"},
		Regions: []provisioner.Region{{Provider: "hetzner", CloudRegion: "fsn1", ControlPlaneSize: "cpx22", WorkerSize: "cpx32", WorkerCount: 3}},
	}
}

func TestValidate(t *testing.T) {
	c := load(t)
	for name, x := range map[string]struct {
		edit func(*provisioner.Spec)
		want []string // path:rule
	}{
		"good":       {func(*provisioner.Spec) {}, nil},
		"nothing":    {func(s *provisioner.Spec) { *s = provisioner.Spec{} }, []string{"orgName:required", "orgEmail:required", "sovereignFQDN:required", "objectStorageRegion:required", "regions:required"}},
		"own domain": {func(s *provisioner.Spec) { s.SovereignDomainMode, s.SovereignFQDN = "byo", "cloud.acme.io" }, nil},
		"legacy singular": {func(s *provisioner.Spec) {
			s.Regions, s.Region, s.Provider, s.ControlPlaneSize = nil, "hel1", "hetzner", "cpx22"
		}, nil},
		"unknown region": {func(s *provisioner.Spec) { s.Regions[0].CloudRegion = "moon" }, []string{"regions[0].cloudRegion:region"}},
		"singapore":      {func(s *provisioner.Spec) { s.Regions[0].CloudRegion = "sin" }, []string{"regions[0].cloudRegion:region-available"}},
		"out of stock":   {func(s *provisioner.Spec) { s.Regions[0].WorkerSize = "cx33" }, []string{"regions[0].workerSize:orderable"}},
		"not there":      {func(s *provisioner.Spec) { s.Regions[0].CloudRegion = "ash" }, []string{"regions[0].controlPlaneSize:orderable", "regions[0].workerSize:orderable"}},
		"no size":        {func(s *provisioner.Spec) { s.Regions[0].WorkerSize = "" }, []string{"regions[0].workerSize:required"}},
		"negative":       {func(s *provisioner.Spec) { s.Regions[0].WorkerCount = -1 }, []string{"regions[0].workerCount:range"}},
		"too many":       {func(s *provisioner.Spec) { s.Regions[0].WorkerCount = 51 }, []string{"regions[0].workerCount:range"}},
		"standby of one": {func(s *provisioner.Spec) { s.BCPTopology = "active-active" }, []string{"bcpTopology:topology-regions"}},
		"single of two":  {func(s *provisioner.Spec) { s.BCPTopology = "single-region"; second(s, "hel1") }, []string{"bcpTopology:topology-regions"}},
		"twice":          {func(s *provisioner.Spec) { second(s, "fsn1") }, []string{"regions[1].cloudRegion:unique"}},
		"two zones": {func(s *provisioner.Spec) {
			second(s, "hil")
			s.Regions[1].ControlPlaneSize, s.Regions[1].WorkerSize = "ccx13", "ccx23"
		}, []string{"regions[1].cloudRegion:network-zone"}},
		"other provider":   {func(s *provisioner.Spec) { s.Provider, s.Regions[0].Provider = "huawei", "huawei" }, []string{"regions[0].provider:provider-applicable"}},
		"app by its name":  {func(s *provisioner.Spec) { s.Apps = []string{"Cal.com"} }, []string{"apps:canonical"}},
		"apps":             {func(s *provisioner.Spec) { s.Apps = []string{"jitsi-meet", "mysql", "?"} }, []string{"apps[0]:app-deployable", "apps[1]:app-system", "apps[2]:app"}},
		"e-mail":           {func(s *provisioner.Spec) { s.OrgEmail = "acme.io" }, []string{"orgEmail:email"}},
		"s3":               {func(s *provisioner.Spec) { s.ObjectStorageRegion, s.ObjectStorageBucket = "hil", "A" }, []string{"objectStorageRegion:object-storage-region", "objectStorageBucket:bucket"}},
		"ecdsa 521":        {func(s *provisioner.Spec) { s.SSHPublicKey = "ecdsa-sha2-nistp521 AAAA" }, []string{"sshPublicKey:ssh-key"}},
		"key with options": {func(s *provisioner.Spec) { s.SSHPublicKey = `command="id" ` + sshKey }, []string{"sshPublicKey:ssh-key"}},
		"key":              {func(s *provisioner.Spec) { s.SSHPublicKey = sshKey }, nil},
	} {
		s := good()
		x.edit(&s)
		var got []string
		for _, v := range c.Validate(s) {
			got = append(got, v.Path+":"+v.Rule)
			if v.Message == "" || len([]rune(v.Value)) > 80 {
				t.Errorf("%s: %+v", name, v)
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

func second(s *provisioner.Spec, region string) {
	r := s.Regions[0]
	r.CloudRegion = region
	s.Regions = append(s.Regions, r)
}

func TestCheckSubdomainLabel(t *testing.T) {
	for label, ok := range map[string]bool{
		"a": true, "acme": true, "acme-1": true, "a--b": true, strings.Repeat("a", 63): true,
		"": false, "1a": false, "-a": false, "a-": false, "A": false, "a.b": false, "ä": false, "a_b": false, strings.Repeat("a", 64): false,
	} {
		err := provisioner.CheckSubdomainLabel(label)
		if (err == nil) != ok {
			t.Errorf("%q: %v", label, err)
		}
		if f := fault.From(err); f != nil && (f.Code != fault.Invalid || f.Hint == "") {
			t.Errorf("%q: %+v", label, f)
		}
	}
}

func TestSuggestSubdomain(t *testing.T) {
	for name, want := range map[string]string{
		"Al Noor Clinic LLC": "al-noor-clinic", "Müller & Söhne GmbH": "muller-sohne", "Ağaoğlu Işık A.Ş.": "agaoglu-isik",
		"3M": "org-3m", "The Co": "the-co", "عيادة": "", "": "", "Console": "console-org", "Łódź Straße": "lodz-strasse",
		"The Very Long International Trading and Contracting Company of Muscat": "very-long-international-trading",
	} {
		if got := provisioner.SuggestSubdomain(name); got != want {
			t.Errorf("%q gives %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		got := provisioner.SuggestSubdomain(rapid.String().Draw(t, "name"))
		if got != "" && (provisioner.CheckSubdomainLabel(got) != nil || provisioner.ReservedSubdomain(got)) {
			t.Fatalf("%q is suggested and cannot be had", got)
		}
	})
}

func TestComplete(t *testing.T) {
	c := load(t)
	s := c.Complete(provisioner.Spec{OrgName: "Acme", OrgEmail: "a@acme.io", OrgIndustry: "Banking", Region: "Nuremberg", Apps: []string{"Cal.com"}})
	if v := c.Validate(s); len(v) != 0 {
		t.Errorf("not complete: %+v", v)
	}
	if s.SovereignFQDN != "acme.omani.works" || s.Region != "nbg1" || s.WorkerSize == "" || *s.WorkerCount < 2 || s.OrgIndustry != "finance" || s.Apps[0] != "cal-com" {
		t.Errorf("%+v", s)
	}
	want := good().Normalize()
	got := c.Complete(want)
	if !reflect.DeepEqual(got.Regions, want.Regions) || !slices.Equal(got.Apps, want.Apps) || got.SovereignFQDN != want.SovereignFQDN {
		t.Errorf("what was said is changed: %+v", got)
	}
}

// FuzzSpec feeds JSON from outside to everything that reads a Spec.
func FuzzSpec(f *testing.F) {
	for _, s := range []provisioner.Spec{{}, good()} {
		raw, _ := json.Marshal(s)
		f.Add(raw)
	}
	f.Add([]byte(`{"region":"FSN1","workerCount":3,"regions":[{"cloudRegion":"x","workerCount":-9223372036854775808}],"apps":["",null]}`))
	c := load(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s provisioner.Spec
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		n := s.Normalize()
		if !reflect.DeepEqual(n.Normalize(), n) {
			t.Fatalf("normalizing twice differs: %+v, %+v", n, n.Normalize())
		}
		for _, v := range c.Validate(s) {
			if v.Path == "" || v.Rule == "" || v.Message == "" || len([]rune(v.Value)) > 80 {
				t.Fatalf("violation %+v", v)
			}
		}
		c.Complete(s)
		c.Size(s)
		c.Estimate(s)
		mustJSON(t, provisioner.Tfvars(s, provisioner.TfvarsExtra{}))
	})
}
