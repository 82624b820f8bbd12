package provisioner_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

var noon = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

type change = provisioner.Change

// apply makes changes that must be accepted.
func apply(t *testing.T, d provisioner.Draft, changes ...change) provisioner.Draft {
	t.Helper()
	d, err := load(t).ApplyChanges(d, changes, noon)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return d
}

// clinic is what a person in Muscat has to say, and no more.
func clinic(t *testing.T) provisioner.Draft {
	t.Helper()
	return apply(t, provisioner.NewDraft("d1", provisioner.Simulated),
		change{Field: "orgName", Value: "Al Noor Clinic LLC"}, change{Field: "orgEmail", Value: "admin@alnoor.om"},
		change{Field: "orgHeadquarters", Value: "Muscat, Oman"}, change{Field: "orgIndustry", Value: "clinic"})
}

func TestFourAnswersMakeADraft(t *testing.T) {
	d := clinic(t)
	if !slices.Equal(d.Missing, []string{"account"}) || len(d.Violations) != 0 {
		t.Fatalf("missing %q, violations %+v", d.Missing, d.Violations)
	}
	s := d.Spec
	if s.SovereignFQDN != "al-noor-clinic.omani.works" || s.Region != "hel1" || s.ControlPlaneSize != "cpx22" ||
		s.WorkerSize != "cpx32" || *s.WorkerCount != 3 || s.ObjectStorageRegion != "hel1" || s.OrgIndustry != "healthcare" {
		t.Errorf("the draft says %+v", s)
	}
	if !slices.Equal(s.Apps, []string{"nextcloud", "cal-com", "vaultwarden"}) {
		t.Errorf("apps %q", s.Apps)
	}
	if why := d.Fields["apps"].Why; !strings.Contains(why, "Jitsi Meet (nearest: Nextcloud)") {
		t.Errorf("%q does not say what cannot be had yet", why)
	}
	if f := d.Fields["regions[0].cloudRegion"]; f.Source != provisioner.Suggested || !strings.Contains(f.Why, "Muscat") {
		t.Errorf("the region's field is %+v", f)
	}
	if d.Estimate == nil || d.Estimate.Monthly.Amount != "142.94" || d.Sizing == nil || d.Sizing.Shortfall != "" {
		t.Errorf("estimate %+v, sizing %+v", d.Estimate, d.Sizing)
	}
	if v := load(t).Validate(s); len(v) != 0 {
		t.Errorf("a complete draft does not validate: %+v", v)
	}
	d = apply(t, d, change{Field: "simulatedAccount", Value: true})
	if len(d.Missing) != 0 || !d.SimulatedAccount {
		t.Errorf("with the simulated account %q is still missing", d.Missing)
	}
}

func TestMissingInOrder(t *testing.T) {
	d := provisioner.NewDraft("d1", provisioner.Simulated)
	for _, step := range []struct {
		field string
		value any
		want  []string
	}{
		{"orgCompliance", []any{"GDPR"}, []string{"orgName", "orgEmail", "orgHeadquarters", "account"}},
		{"orgName", "عيادة النور", []string{"orgEmail", "orgHeadquarters", "sovereignSubdomain", "account"}},
		{"sovereignSubdomain", "alnoor", []string{"orgEmail", "orgHeadquarters", "account"}},
		{"orgHeadquarters", "Nowhere Land", []string{"orgEmail", "regions[0].cloudRegion", "account"}},
		{"regions[0].cloudRegion", "fsn1", []string{"orgEmail", "account"}},
		{"sovereignDomainMode", "byo-manual", []string{"orgEmail", "sovereignFQDN", "account"}},
		{"sovereignFQDN", "cloud.alnoor.om", []string{"orgEmail", "account"}},
		{"orgEmail", "a@b.co", []string{"account"}},
	} {
		d = apply(t, d, change{Field: step.field, Value: step.value})
		if !slices.Equal(d.Missing, step.want) {
			t.Errorf("after %s: missing %q, want %q", step.field, d.Missing, step.want)
		}
	}
	if d.Spec.SovereignFQDN != "cloud.alnoor.om" || d.Spec.SovereignPoolDomain != "" {
		t.Errorf("own domain: %+v", d.Spec)
	}
	d.Secrets = []string{provisioner.SecretHetznerToken, provisioner.SecretObjectStorageAccessKey, provisioner.SecretObjectStorageSecretKey}
	d.Cloud = provisioner.Hetzner
	d = apply(t, d, change{Field: "sshPublicKey", Value: sshKey}, change{Field: "hetznerProjectID", Value: 1234567})
	if len(d.Missing) != 0 || d.Spec.HetznerProjectID != "1234567" {
		t.Errorf("with every credential %q is missing", d.Missing)
	}
}

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here"

func TestSuggestionsFollowTheirBasis(t *testing.T) {
	d := clinic(t)
	moved := apply(t, d, change{Field: "orgHeadquarters", Value: "New York"})
	if s := moved.Spec; s.Region != "ash" || s.ControlPlaneSize != "ccx13" || s.ObjectStorageRegion != "nbg1" || len(moved.Violations) != 0 {
		t.Errorf("moved to New York: %+v, %+v", s, moved.Violations)
	}
	if len(moved.Estimate.Unknown) != 1 {
		t.Errorf("the load balancer's price in the US is unknown, the estimate says %q", moved.Estimate.Unknown)
	}
	renamed := apply(t, d, change{Field: "orgName", Value: "Sohar Dental GmbH & Co. KG"}, change{Field: "orgIndustry", Value: "retail"})
	if s := renamed.Spec; s.SovereignFQDN != "sohar-dental.omani.works" || !slices.Equal(s.Apps, []string{"invoiceshelf", "umami"}) {
		t.Errorf("renamed: %s with %q", s.SovereignFQDN, s.Apps)
	}
	more := apply(t, d, change{Field: "apps", Value: "Nextcloud, Cal.com, wordpress, ghost, nocodb, gitea"})
	if s := more.Spec; s.WorkerSize != "cpx42" || *s.WorkerCount != 2 || s.Apps[1] != "cal-com" || more.Sizing.MemoryMiB <= d.Sizing.MemoryMiB {
		t.Errorf("more apps: %+v", s)
	}
	kept := apply(t, apply(t, more, change{Field: "orgIndustry", Value: "legal"}), change{Field: "apps", Value: nil})
	if !slices.Equal(kept.Spec.Apps, []string{"nextcloud", "bookstack", "vaultwarden", "cal-com"}) {
		t.Errorf("cleared apps should be suggested anew for the industry of now: %q", kept.Spec.Apps)
	}
	none := apply(t, d, change{Field: "apps", Value: []any{}})
	if none = apply(t, none, change{Field: "orgIndustry", Value: "legal"}); len(none.Spec.Apps) != 0 || none.Fields["apps"].Source != provisioner.Said {
		t.Errorf("no apps were said, %q came", none.Spec.Apps)
	}
}

func TestSaidIsNeverOverwritten(t *testing.T) {
	d := apply(t, clinic(t),
		change{Field: "region", Value: "Falkenstein"}, change{Field: "workerSize", Value: "cpx42"},
		change{Field: "workerCount", Value: "2"}, change{Field: "sovereignSubdomain", Value: "noor"})
	d = apply(t, d, change{Field: "orgHeadquarters", Value: "New York"}, change{Field: "orgName", Value: "Another"},
		change{Field: "regions[0].cloudRegion", Value: "hil", Source: provisioner.Suggested},
		change{Field: "haEnabled", Value: true})
	if s := d.Spec; s.Region != "fsn1" || s.WorkerSize != "cpx42" || *s.WorkerCount != 2 || s.SovereignFQDN != "noor.omani.works" {
		t.Errorf("what was said is gone: %+v", s)
	}
	if !strings.Contains(d.Sizing.Shortfall, "3 × cpx42 would hold it") {
		t.Errorf("two workers are too few with high availability, the sizing says %q", d.Sizing.Shortfall)
	}
	d = apply(t, d, change{Field: "region", Value: "ash"})
	if len(d.Violations) != 1 || d.Violations[0].Path != "regions[0].workerSize" || d.Violations[0].Rule != "orderable" || !strings.Contains(d.Violations[0].Suggestion, "ccx23") {
		t.Errorf("cpx42 is not in Ashburn, the violations are %+v", d.Violations)
	}
	if d.Spec.ControlPlaneSize != "ccx13" {
		t.Errorf("the suggested control plane stayed %s", d.Spec.ControlPlaneSize)
	}
	d = apply(t, d, change{Field: "regions[0].workerSize", Value: nil})
	if len(d.Violations) != 0 || d.Spec.WorkerSize == "" || d.Fields["regions[0].workerSize"].Source != provisioner.Suggested {
		t.Errorf("cleared size: %+v, %+v", d.Spec, d.Violations)
	}
}

func TestAgentsSuggestionStands(t *testing.T) {
	d := apply(t, clinic(t), change{Field: "region", Value: "nbg1", Source: provisioner.Suggested, Why: "You asked for Germany."})
	d = apply(t, d, change{Field: "orgSize", Value: 40})
	if f := d.Fields["regions[0].cloudRegion"]; d.Spec.Region != "nbg1" || f.Why != "You asked for Germany." {
		t.Errorf("the agent's suggestion became %s: %+v", d.Spec.Region, f)
	}
	if d = apply(t, d, change{Field: "orgHeadquarters", Value: "Boston"}); d.Spec.Region != "ash" {
		t.Errorf("its basis changed, but the region stayed %s", d.Spec.Region)
	}
	if d = apply(t, d, change{Field: "region", Value: "ash", Source: provisioner.Accepted}); d.Fields["regions[0].cloudRegion"].Source != provisioner.Accepted {
		t.Errorf("accepted, but %+v", d.Fields["regions[0].cloudRegion"])
	}
}

func TestAgentsSuggestionOfADefault(t *testing.T) {
	d := apply(t, clinic(t), change{Field: "haEnabled", Value: true, Source: provisioner.Suggested, Why: "Patients depend on it."},
		change{Field: "workerCount", Value: 6, Source: provisioner.Suggested}, change{Field: "sovereignSubdomain", Value: "noor"})
	d = apply(t, d, change{Field: "sovereignFQDN", Value: "other.omani.works", Source: provisioner.Suggested})
	d = apply(t, d, change{Field: "orgSize", Value: 3})
	if s := d.Spec; !*s.HAEnabled || *s.WorkerCount != 6 || s.SovereignFQDN != "noor.omani.works" {
		t.Errorf("ha %t, %d workers, %s", *s.HAEnabled, *s.WorkerCount, s.SovereignFQDN)
	}
}

func TestTwoRegions(t *testing.T) {
	d := apply(t, clinic(t), change{Field: "bcpTopology", Value: "active-hotstandby"})
	if len(d.Spec.Regions) != 2 || d.Spec.Regions[0].CloudRegion != "hel1" || d.Spec.Regions[1].CloudRegion != "fsn1" ||
		d.Spec.Regions[1].WorkerCount == 0 || len(d.Violations) != 0 {
		t.Fatalf("hot standby: %+v, %+v", d.Spec.Regions, d.Violations)
	}
	one := apply(t, d, change{Field: "bcpTopology", Value: "single-region"})
	if len(one.Spec.Regions) != 1 || len(one.Violations) != 0 {
		t.Errorf("back to one: %+v, %+v", one.Spec.Regions, one.Violations)
	}
	said := apply(t, d, change{Field: "regions[1].cloudRegion", Value: "ash"})
	if len(said.Violations) != 1 || said.Violations[0].Rule != "network-zone" {
		t.Errorf("two zones: %+v", said.Violations)
	}
	gone := apply(t, said, change{Field: "bcpTopology", Value: nil}, change{Field: "regions[1]", Value: nil})
	if len(gone.Spec.Regions) != 1 || gone.Spec.BCPTopology != "single-region" {
		t.Errorf("cleared: %+v %s", gone.Spec.Regions, gone.Spec.BCPTopology)
	}
	for path := range gone.Fields {
		if strings.HasPrefix(path, "regions[1]") {
			t.Errorf("%s is still known", path)
		}
	}
}

func TestWholeDomainName(t *testing.T) {
	d := apply(t, clinic(t), change{Field: "sovereignFQDN", Value: "Noor.Omani.Works."})
	if s := d.Spec; s.SovereignSubdomain != "noor" || s.SovereignDomainMode != "pool" || s.SovereignFQDN != "noor.omani.works" {
		t.Errorf("under the pool: %+v", s)
	}
	d = apply(t, d, change{Field: "sovereignFQDN", Value: "cloud.alnoor.om"})
	if s := d.Spec; s.SovereignDomainMode != "byo-manual" || s.SovereignFQDN != "cloud.alnoor.om" {
		t.Errorf("own domain: %+v", s)
	}
	d = apply(t, d, change{Field: "sovereignSubdomain", Value: "noor"})
	if s := d.Spec; s.SovereignDomainMode != "pool" || s.SovereignFQDN != "noor.omani.works" {
		t.Errorf("back under the pool: %+v", s)
	}
}

func TestRefusals(t *testing.T) {
	c, before := load(t), clinic(t)
	for _, x := range []struct {
		field      string
		value      any
		path, rule string
		suggests   string
	}{
		{"regions[0].cloudRegion", "mars1", "regions[0].cloudRegion", "region", "fsn1"},
		{"region", "sin", "regions[0].cloudRegion", "region-available", "hel1"},
		{"provider", "aws", "regions[0].provider", "provider-applicable", "hetzner"},
		{"provider", "acme", "regions[0].provider", "provider", "hetzner"},
		{"workerCount", -1, "regions[0].workerCount", "range", "0 to 50"},
		{"workerCount", 51, "regions[0].workerCount", "range", "0 to 50"},
		{"workerCount", 2.5, "regions[0].workerCount", "type", ""},
		{"workerCount", "two", "regions[0].workerCount", "type", ""},
		{"workerSize", "cpx31", "regions[0].workerSize", "orderable", "cpx32"},
		{"workerSize", "huge", "regions[0].workerSize", "size", "cpx32"},
		{"regions[3].cloudRegion", "fsn1", "regions[3].cloudRegion", "order", "regions[1]"},
		{"apps", []any{"nextcloud", "rocket-chat"}, "apps[1]", "app-deployable", "nextcloud"},
		{"apps", []any{"dify"}, "apps[0]", "app-deployable", "Nothing"},
		{"apps", []any{"postgres"}, "apps[0]", "app-system", "comes by itself"},
		{"apps", []any{"winamp"}, "apps[0]", "app", "nextcloud"},
		{"apps", []any{1}, "apps", "type", ""},
		{"components", []any{"envoy"}, "components[0]", "component-installable", ""},
		{"components", []any{"nope"}, "components[0]", "component", ""},
		{"orgEmail", "nobody", "orgEmail", "email", "@"},
		{"orgEmail", "A <a@b.co>", "orgEmail", "email", "@"},
		{"orgEmail", "a@b", "orgEmail", "email", "@"},
		{"orgName", "!", "orgName", "name", ""},
		{"orgIndustry", "alchemy", "orgIndustry", "industry", "healthcare"},
		{"sovereignSubdomain", "9lives", "sovereignSubdomain", "subdomain", "org-9lives"},
		{"sovereignSubdomain", "a_b", "sovereignSubdomain", "subdomain", "a-b"},
		{"sovereignSubdomain", "admin", "sovereignSubdomain", "reserved", "admin-org"},
		{"sovereignFQDN", "localhost", "sovereignFQDN", "fqdn", ""},
		{"sovereignFQDN", "1a.example.com", "sovereignFQDN", "fqdn", ""},
		{"sovereignFQDN", strings.Repeat("abcdefghi.", 26) + "com", "sovereignFQDN", "fqdn", ""},
		{"sovereignPoolDomain", "example.com", "sovereignPoolDomain", "pool-domain", "omani.works"},
		{"bcpTopology", "cluster", "bcpTopology", "one-of", "single-region"},
		{"storageClass", "local-path", "storageClass", "one-of", "hcloud-volumes"},
		{"objectStorageRegion", "ash", "objectStorageRegion", "object-storage-region", "fsn1"},
		{"objectStorageBucket", "-a-", "objectStorageBucket", "bucket", ""},
		{"sshPublicKey", "-----BEGIN OPENSSH PRIVATE KEY-----\nzzz", "sshPublicKey", "ssh-key", ""},
		{"sshPublicKey", "ssh-ed25519 nonsense", "sshPublicKey", "ssh-key", ""},
		{"haEnabled", "maybe", "haEnabled", "type", ""},
		{"hetznerToken", "secret-value", "hetznerToken", "secret", "vault"},
		{"nonsense", "x", "nonsense", "field", "orgName"},
		{"regions[1]", "fsn1", "regions[1]", "field", "cloudRegion"},
		{"simulatedAccount", "perhaps", "simulatedAccount", "type", ""},
	} {
		after, err := c.ApplyChanges(before, []change{{Field: "orgSize", Value: 12}, {Field: x.field, Value: x.value}}, noon)
		f := fault.From(err)
		if err == nil || f.Code != fault.Invalid || len(f.Violations) != 1 {
			t.Errorf("%s = %v was not refused with one violation: %v", x.field, x.value, err)
			continue
		}
		v := f.Violations[0]
		if v.Path != x.path || v.Rule != x.rule || v.Message == "" || !strings.Contains(v.Suggestion, x.suggests) {
			t.Errorf("%s = %v: %+v", x.field, x.value, v)
		}
		if strings.Contains(v.Value+v.Message, "zzz") || strings.Contains(v.Value+v.Message, "secret-value") {
			t.Errorf("%s: a secret is echoed: %+v", x.field, v)
		}
		if !reflect.DeepEqual(after, before) {
			t.Errorf("%s was refused, and the draft changed", x.field)
		}
	}
	if _, err := c.ApplyChanges(provisioner.NewDraft("x", provisioner.Hetzner), []change{{Field: "simulatedAccount", Value: true}}, noon); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("the simulated account in the real cloud: %v", err)
	}
	if _, err := c.ApplyChanges(before, []change{{Field: "orgName", Value: "X Y", Source: "default"}, {Field: "region", Value: "x"}}, noon); len(fault.From(err).Violations) != 2 {
		t.Errorf("not every problem is reported: %v", err)
	}
}

func TestChangesNeverPanicAndRepeat(t *testing.T) {
	c := load(t)
	fields := []string{"orgName", "orgEmail", "orgIndustry", "orgHeadquarters", "orgSize", "orgCompliance", "sovereignFQDN",
		"sovereignDomainMode", "sovereignPoolDomain", "sovereignSubdomain", "region", "provider", "workerCount", "workerSize",
		"controlPlaneSize", "regions[0].cloudRegion", "regions[1].cloudRegion", "regions[1].workerCount", "haEnabled", "bcpTopology",
		"sshPublicKey", "objectStorageRegion", "apps", "components", "simulatedAccount", "", "regions[9].x", "enableSharedPostgres"}
	value := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, "true", "", 0, 3, 51.0, "2", "fsn1", "ash", "cpx32", "ccx13", "Muscat", "clinic", "pool", "byo-manual",
			"active-active", "single-region", "acme", "cloud.acme.io", "a.omani.works", "a@b.co", []any{"nextcloud"}, []any{"nope", nil}, []any{}, map[string]any{"a": 1}, json.Number("4")}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.SliceOf(rapid.String()), func(s []string) any { return s }))
	rapid.Check(t, func(t *rapid.T) {
		d := provisioner.NewDraft("d", provisioner.Simulated)
		for range rapid.IntRange(1, 6).Draw(t, "calls") {
			var changes []change
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				changes = append(changes, change{Field: rapid.SampledFrom(fields).Draw(t, "field"), Value: value.Draw(t, "value"),
					Source: rapid.SampledFrom([]provisioner.FieldSource{"", "said", "accepted", "suggested"}).Draw(t, "source")})
			}
			before := mustJSON(t, d)
			next, err := c.ApplyChanges(d, changes, noon)
			if mustJSON(t, d) != before {
				t.Fatalf("the draft that was given was changed by %+v", changes)
			}
			if err != nil {
				if fault.CodeOf(err) != fault.Invalid || mustJSON(t, next) != before {
					t.Fatalf("refused with %v, draft %s", err, mustJSON(t, next))
				}
				continue
			}
			again, err := c.ApplyChanges(next, changes, noon)
			if err != nil || mustJSON(t, again) != mustJSON(t, next) {
				t.Fatalf("%+v applied twice: %v\n%s\n%s", changes, err, mustJSON(t, next), mustJSON(t, again))
			}
			later, err := c.ApplyChanges(next, nil, noon.Add(time.Hour))
			if err != nil || !reflect.DeepEqual(later.Spec, next.Spec) || !reflect.DeepEqual(later.Fields, next.Fields) {
				t.Fatalf("no change at all changed it: %v\n%s\n%s", err, mustJSON(t, next), mustJSON(t, later))
			}
			for path := range next.Fields {
				if path == "" {
					t.Fatal("a field without a path")
				}
			}
			if !reflect.DeepEqual(next.Spec.Normalize(), next.Spec) {
				t.Fatalf("the draft's spec is not normalized: %+v", next.Spec)
			}
			d = next
		}
	})
}

func mustJSON(t interface{ Fatalf(string, ...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("does not encode: %v", err)
	}
	return string(b)
}
