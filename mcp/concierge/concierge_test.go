package concierge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

func described(t *testing.T, grants mcp.Grants) []mcp.Described {
	t.Helper()
	box, err := newRig(t).box.Local(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = box.Close() })
	who := person("anna")
	who.Grants = grants
	list, err := box.List(t.Context(), who)
	must(t, err)
	return list
}

// Every tool needs the one capability that has its name.
func TestEachToolHasOneCapability(t *testing.T) {
	all := described(t, mcp.Everything)
	if len(all) != 14 {
		t.Errorf("there are %d tools", len(all))
	}
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	for _, name := range names {
		if list := described(t, mcp.Grants{name}); len(list) != 1 || list[0].Name != name {
			t.Errorf("with the capability %s the tools are %v", name, list)
		}
	}
	for _, bad := range []string{"approve", "destroy", "delete", "wipe", "secret", "shell", "exec", "file", "kube", "sovereign"} {
		if i := slices.IndexFunc(names, func(n string) bool { return strings.Contains(n, bad) }); i >= 0 {
			t.Errorf("%s is a tool", names[i])
		}
	}
}

// What a model reads is complete and short: it is a part of every prompt.
func TestDescriptions(t *testing.T) {
	total := 0
	for _, d := range described(t, mcp.Everything) {
		total += len(d.Name) + len(d.Description) + len(d.InputSchema)
		if n := len(d.Description); n < 40 || n > 520 || !strings.HasSuffix(d.Description, ".") {
			t.Errorf("%s is described in %d characters: %s", d.Name, n, d.Description)
		}
		var schema any
		must(t, json.Unmarshal(d.InputSchema, &schema))
		undescribed(t, d.Name, schema)
	}
	if total > 12_000 {
		t.Errorf("the toolbox takes %d bytes of every prompt; 12,000 is the most", total)
	}
}

func undescribed(t *testing.T, path string, schema any) {
	s, _ := schema.(map[string]any)
	properties, _ := s["properties"].(map[string]any)
	for name, p := range properties {
		if d, _ := p.(map[string]any)["description"].(string); d == "" {
			t.Errorf("%s.%s is not described", path, name)
		}
		undescribed(t, path+"."+name, p)
	}
	if items, ok := s["items"]; ok {
		undescribed(t, path, items)
	}
}

// unsaid are fields of the draft that are left to people who edit it by hand.
var unsaid = []string{
	"hetznerProjectID", "storageClass", "bcpTopology", "marketplaceEnabled", "consoleIsolationEnabled", "enableSharedPostgres",
	"sshPublicKey", "objectStorageRegion", "objectStorageBucket", "regions[0].provider",
}

// The fields that a model is told of are the draft's.
func TestEveryFieldIsDescribed(t *testing.T) {
	r := newRig(t)
	a, _ := r.house("anna")
	f := a.no("catalyst.draft.set", `{"changes":[{"field":"zzzz","value":1}]}`)
	list, ok := strings.CutPrefix(f.Violations[0].Suggestion, "Fields are: ")
	if !ok {
		t.Fatalf("the refusal is %+v", f)
	}
	fields := strings.Split(strings.TrimSuffix(list, "."), ", ")
	var text string
	for _, d := range described(t, mcp.Everything) {
		if d.Name == "catalyst.draft.set" {
			text = string(d.InputSchema)
		}
	}
	for _, field := range fields {
		if strings.Contains(text, field) == slices.Contains(unsaid, field) {
			t.Errorf("the field %s is described: %v", field, strings.Contains(text, field))
		}
	}
	for _, word := range regexp.MustCompile(`\b(?:org|sovereign|regions\[0\]\.)[A-Za-z]+`).FindAllString(text, -1) {
		if !slices.Contains(fields, word) {
			t.Errorf("%s is described and no field", word)
		}
	}
}

// From nothing to a plan, with what a client needs to know at each step.
func TestAnOutsideClientGetsALink(t *testing.T) {
	for _, revision := range []string{withSessions, withoutSessions} {
		t.Run(revision, func(t *testing.T) {
			r := newRig(t)
			a := r.outside("anna", revision)
			id, named := "", ""
			if revision == withoutSessions {
				named = `"draftId":"new",`
			}
			var draft provisioner.Draft
			a.ok("catalyst.draft.set", `{`+named+`"changes":`+complete+`}`, &draft)
			if id = draft.ID; id == "" || draft.Spec.OrgName != "Acme" || len(draft.Missing) != 0 || draft.Estimate == nil {
				t.Fatalf("the draft is %+v", draft)
			}
			this := `{}`
			if revision == withoutSessions {
				this = `{"draftId":"` + id + `"}`
			}
			var plan struct {
				DeploymentID, DraftID, Digest, Status, Link, ExpiresAt, Next string
				Add                                                          int
				Cost                                                         struct{ Monthly card.Money }
			}
			a.ok("catalyst.plan.create", this, &plan)
			link := "https://sandbox.example/start?c=" + id
			if plan.DraftID != id || plan.Link != link || plan.Status != "awaiting-approval" || plan.Add != 2 || plan.ExpiresAt == "" || !strings.Contains(plan.Next, link) {
				t.Errorf("the plan is %+v", plan)
			}
			// The person finds at the link what the client was told.
			cards := r.shown("anna", id)
			var shown card.PlanData
			raw, _ := json.Marshal(cards[card.KindPlan].Data)
			_ = json.Unmarshal(raw, &shown)
			approval := cards[card.KindApproval]
			if shown.Digest != plan.Digest || approval.ID == "" || cards[card.KindCost].ID == "" {
				t.Errorf("the person sees %s and the plan is %s", raw, plan.Digest)
			}
			// The same again gives the same.
			var again struct{ DeploymentID, Digest string }
			if a.ok("catalyst.plan.create", this, &again); again.Digest != plan.Digest || again.DeploymentID != plan.DeploymentID {
				t.Errorf("planned again it is %+v", again)
			}
			of := `{"deploymentId":"` + plan.DeploymentID + `"}`
			f := a.no("catalyst.deployments.create", of)
			if f.Code != fault.Denied || !strings.Contains(f.Message, "only the person") || !strings.Contains(f.Hint, link) {
				t.Errorf("starting without the person is answered %+v", f)
			}
			state, text, _ := a.use("catalyst.deployments.get", json.RawMessage(of))
			var d struct {
				Status, Next, Link string
				Approval           struct{ State string }
				Resources          []struct{ State string }
			}
			must(t, json.Unmarshal(state, &d))
			if d.Status != "awaiting-approval" || d.Approval.State != "pending" || d.Link != link || len(d.Resources) != 2 {
				t.Errorf("the deployment is %s", state)
			}
			for _, secret := range []string{"cardId", approval.ID, "tfvars", "owner", "simulated-token"} {
				if strings.Contains(text, secret) {
					t.Errorf("the deployment tells of %q", secret)
				}
			}
			var log struct {
				Events []provisioner.LogLine
				Next   int
			}
			a.ok("catalyst.deployments.events", `{"deploymentId":"`+plan.DeploymentID+`","after":0,"limit":1}`, &log)
			a.ok("catalyst.deployments.events", fmt.Sprintf(`{"deploymentId":%q,"after":%d}`, plan.DeploymentID, log.Next), &log)
			if n := r.engine.applied(); n != 0 {
				t.Errorf("%d applies began", n)
			}
		})
	}
}

// Calls in the wrong order are refused with what comes first.
func TestOutOfOrder(t *testing.T) {
	for name, make := range map[string]func(r *rig) agent{
		"in a conversation":  func(r *rig) agent { a, _ := r.house("anna"); return a },
		"outside":            func(r *rig) agent { return r.outside("anna", withSessions) },
		"outside, stateless": func(r *rig) agent { return r.outside("anna", withoutSessions) },
	} {
		t.Run(name, func(t *testing.T) {
			a := make(newRig(t))
			stateless := strings.Contains(name, "stateless")
			for _, tool := range []string{"catalyst.deployments.get", "catalyst.deployments.create", "catalyst.deployments.events"} {
				f := a.no(tool, `{}`)
				if want := map[bool]fault.Code{true: fault.Invalid, false: fault.NotFound}[stateless]; f.Code != want || !strings.Contains(f.Hint, "catalyst.plan.create") {
					t.Errorf("%s before a plan: %+v", tool, f)
				}
			}
			if stateless {
				for _, call := range [][2]string{
					{"catalyst.draft.get", `{}`}, {"catalyst.plan.create", `{}`}, {"catalyst.draft.set", `{"changes":[{"field":"orgName","value":"A"}]}`},
					{"card.ask", `{"questions":[{"prompt":"Who?","type":"text"}]}`}, {"catalyst.draft.get", `{"draftId":"new"}`}, {"catalyst.plan.create", `{"draftId":"new"}`},
				} {
					if f := a.no(call[0], call[1]); f.Code != fault.Invalid || f.Path != "draftId" || !strings.Contains(f.Hint, `"new"`) {
						t.Errorf("%s %s: %+v", call[0], call[1], f)
					}
				}
				return
			}
			f := a.no("catalyst.plan.create", `{}`)
			var missing []string
			for _, v := range f.Violations {
				missing = append(missing, v.Path)
			}
			if f.Code != fault.Invalid || !slices.Contains(missing, "orgName") || !slices.Contains(missing, "orgEmail") || !slices.Contains(missing, "account") {
				t.Errorf("a plan of nothing: %+v", f)
			}
		})
	}
}

// One wrong value refuses the whole change; a wrong type is refused before.
func TestBadChanges(t *testing.T) {
	r := newRig(t)
	a, id := r.house("anna")
	for name, x := range map[string]struct{ changes, path, rule string }{
		"no e-mail":         {`[{"field":"orgName","value":"Acme"},{"field":"orgEmail","value":"nobody"}]`, "orgEmail", ""},
		"unknown region":    {`[{"field":"orgName","value":"Acme"},{"field":"regions[0].cloudRegion","value":"atlantis"}]`, "regions[0].cloudRegion", ""},
		"too many workers":  {`[{"field":"orgName","value":"Acme"},{"field":"regions[0].workerCount","value":51}]`, "regions[0].workerCount", ""},
		"many workers":      {`[{"field":"orgName","value":"Acme"},{"field":"regions[0].workerCount","value":"many"}]`, "regions[0].workerCount", ""},
		"a token":           {`[{"field":"orgName","value":"Acme"},{"field":"hcloudToken","value":"x"}]`, "hcloudToken", "secret"},
		"an approval":       {`[{"field":"orgName","value":"Acme"},{"field":"approvalState","value":"approved"}]`, "approvalState", "field"},
		"a made-up source":  {`[{"field":"orgName","value":"Acme","source":"approved"}]`, "changes[0].source", "enum"},
		"an object":         {`[{"field":"orgName","value":{"a":1}}]`, "changes[0].value", "type"},
		"nothing":           {`[]`, "changes", "length"},
		"an unknown member": {`[{"field":"orgName","value":"Acme","force":true}]`, "changes[0].force", "unknown"},
		"no value":          {`[{"field":"orgName"}]`, "changes[0].value", "required"},
	} {
		f := a.no("catalyst.draft.set", `{"changes":`+x.changes+`}`)
		i := slices.IndexFunc(f.Violations, func(v fault.Violation) bool { return v.Path == x.path && (x.rule == "" || v.Rule == x.rule) })
		if f.Code != fault.Invalid || i < 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	var draft provisioner.Draft
	if a.ok("catalyst.draft.get", `{}`, &draft); draft.Spec.OrgName != "" || draft.ID != id {
		t.Errorf("half of a change was made: %+v", draft.Spec)
	}
}

// What belongs to somebody else, or to nobody, is not found, and a wrong name
// begins nothing.
func TestForeignThingsAreNotFound(t *testing.T) {
	r := newRig(t)
	a := r.outside("anna", withSessions)
	var plan struct{ DeploymentID, DraftID string }
	a.ok("catalyst.draft.set", `{"changes":`+complete+`}`, nil)
	a.ok("catalyst.plan.create", `{}`, &plan)
	for _, revision := range []string{withSessions, withoutSessions} {
		b := r.outside("bert", revision)
		for _, id := range []string{plan.DraftID, "mcp000000000000", "nothing", "../x", "*", ">", "a b"} {
			for tool, more := range map[string]string{
				"catalyst.draft.get": "", "catalyst.plan.create": "", "catalyst.draft.set": `,"changes":[{"field":"orgName","value":"Mine"}]`,
				"card.ask": `,"questions":[{"prompt":"Who?","type":"text"}]`,
			} {
				if f := b.no(tool, fmt.Sprintf(`{"draftId":%q%s}`, id, more)); f.Code != fault.NotFound || f.Path != "draftId" {
					t.Errorf("%s of %q: %+v", tool, id, f)
				}
			}
			// No subject can have such a name, so nothing was begun there either.
			if id != plan.DraftID && !strings.ContainsAny(id, "*> /") {
				if events, err := r.journal.Load(t.Context(), "draft."+id); err != nil || len(events) != 0 {
					t.Errorf("the draft %q was begun: %v", id, err)
				}
			}
		}
		for _, tool := range []string{"catalyst.deployments.get", "catalyst.deployments.create", "catalyst.deployments.events"} {
			for _, id := range []string{plan.DeploymentID, "0123456789abcdef"} {
				if f := b.no(tool, fmt.Sprintf(`{"deploymentId":%q}`, id)); f.Code != fault.NotFound {
					t.Errorf("%s of %q: %+v", tool, id, f)
				}
			}
			if f := b.no(tool, `{"deploymentId":"../../etc"}`); f.Code != fault.Invalid || f.Violations[0].Rule != "pattern" {
				t.Errorf("%s of nonsense: %+v", tool, f)
			}
		}
	}
	var draft provisioner.Draft
	if a.ok("catalyst.draft.get", `{}`, &draft); draft.Spec.OrgName != "Acme" {
		t.Errorf("somebody else changed the draft: %+v", draft.Spec)
	}
}

// The agent in a conversation has that conversation's draft and no other, also of
// the same person.
func TestTheHousesAgentStaysInItsConversation(t *testing.T) {
	r := newRig(t)
	a, mine := r.house("anna")
	_, other := r.house("anna")
	for _, id := range []string{other, "new"} {
		if f := a.no("catalyst.draft.set", fmt.Sprintf(`{"draftId":%q,"changes":[{"field":"orgName","value":"X"}]}`, id)); f.Code != fault.NotFound {
			t.Errorf("the draft %q: %+v", id, f)
		}
	}
	var draft provisioner.Draft
	if a.ok("catalyst.draft.get", fmt.Sprintf(`{"draftId":%q}`, mine), &draft); draft.ID != mine {
		t.Errorf("its own draft is %q", draft.ID)
	}
}

// Two clients of one person do not meet, and can if they want to.
func TestTwoClients(t *testing.T) {
	r := newRig(t)
	set := func(a agent, id, name string) (d provisioner.Draft) {
		t.Helper()
		a.ok("catalyst.draft.set", fmt.Sprintf(`{%s"changes":[{"field":"orgName","value":%q}]}`, id, name), &d)
		return d
	}
	one, two := r.outside("anna", withSessions), r.outside("anna", withSessions)
	three, four := r.outside("anna", withoutSessions), r.outside("anna", withoutSessions)
	drafts := []provisioner.Draft{set(one, "", "One"), set(two, "", "Two"), set(three, `"draftId":"new",`, "Three"), set(four, `"draftId":"new",`, "Four"), set(one, `"draftId":"new",`, "Five")}
	for i, d := range drafts {
		for _, x := range drafts[:i] {
			if x.ID == d.ID {
				t.Errorf("%s and %s share a draft", x.Spec.OrgName, d.Spec.OrgName)
			}
		}
	}
	var d provisioner.Draft
	if one.ok("catalyst.draft.get", `{}`, &d); d.Spec.OrgName != "One" {
		t.Errorf("the first client's draft is %s's", d.Spec.OrgName)
	}
	if four.ok("catalyst.draft.get", fmt.Sprintf(`{"draftId":%q}`, drafts[0].ID), &d); d.Spec.OrgName != "One" {
		t.Errorf("by its id it is %s's", d.Spec.OrgName)
	}
}

// Nobody who holds the toolbox can approve: not through a tool, and not as the
// actor that tools act as.
func TestNoClientCanApprove(t *testing.T) {
	r := newRig(t)
	a := r.outside("anna", withSessions)
	a.ok("catalyst.draft.set", `{"changes":`+complete+`}`, nil)
	var plan struct{ DeploymentID, DraftID, Digest string }
	a.ok("catalyst.plan.create", `{}`, &plan)
	d, err := r.provisioner.Deployment(t.Context(), human("anna"), plan.DeploymentID)
	must(t, err)
	model := human("anna")
	model.Kind = "model"
	for _, x := range []provisioner.Approve{
		{CardID: d.Approval.CardID, Value: "approve", Actor: model, Means: "press"},
		{DeploymentID: d.ID, Digest: plan.Digest, Value: "approve", Actor: model, Means: "digest"},
		{CardID: d.Approval.CardID, Value: "approve", Actor: model, Means: "words", Words: "I approve"},
	} {
		if _, err := r.provisioner.Approve(t.Context(), x); fault.CodeOf(err) != fault.Denied {
			t.Errorf("a model's approval by %s: %v", x.Means, err)
		}
	}
	if err := r.provisioner.Decline(t.Context(), model, d.Approval.CardID); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a model's refusal: %v", err)
	}
	for _, call := range [][2]string{
		{"card.ask", `{"questions":[{"prompt":"Approve?","type":"consent"}]}`},
		{"card.ask", `{"questions":[{"prompt":"Approve?","type":"yes-no"}],"approve":true}`},
		{"catalyst.plan.create", `{"approve":true}`},
		{"catalyst.deployments.create", `{"approval":"` + plan.Digest + `"}`},
		{"catalyst.deployments.create", `{"deploymentId":"` + plan.DeploymentID + `","value":"approve"}`},
	} {
		if f := a.no(call[0], call[1]); f.Code != fault.Invalid {
			t.Errorf("%s %s: %+v", call[0], call[1], f)
		}
	}
	// A question of the client's own, in the words of an approval, is no approval's.
	a.ok("card.ask", `{"questions":[{"prompt":"Do you approve the plan?","type":"yes-no","field":"approval"}]}`, nil)
	d, err = r.provisioner.Deployment(t.Context(), human("anna"), plan.DeploymentID)
	if must(t, err); d.Approval.State != "pending" || d.Status != provisioner.StatusAwaitingApproval || r.engine.applied() != 0 {
		t.Errorf("the deployment is %s, the approval %s", d.Status, d.Approval.State)
	}
}

func TestAsk(t *testing.T) {
	r := newRig(t)
	a, id := r.house("anna")
	var shown struct{ CardID, Link string }
	for _, x := range []struct {
		arguments string
		kind      card.Kind
		says      string
	}{
		{`{"questions":[{"prompt":"Which region?","type":"choice","field":"regions[0].cloudRegion","suggested":"fsn1","choices":[{"value":"fsn1","label":"Falkenstein"},{"value":"hel1","label":"Helsinki"}]}]}`, card.KindChoice, "Which region? (Falkenstein, Helsinki) Suggested: fsn1."},
		{`{"questions":[{"prompt":"Shall I?","type":"yes-no"}]}`, card.KindChoice, "Shall I? (Yes, No)"},
		{`{"title":"You","questions":[{"prompt":"Name?","type":"text","field":"orgName"},{"prompt":"E-mail?","type":"email","field":"orgEmail"}]}`, card.KindForm, "Name?\nE-mail?"},
		{`{"questions":[{"prompt":"Your account, please.","type":"secret","field":"account"}]}`, card.KindSecret, "simulated account"},
	} {
		a.ok("card.ask", x.arguments, &shown)
		c := r.shown("anna", id)[x.kind]
		if c.ID != shown.CardID || !strings.Contains(c.Text, x.says) || shown.Link != "https://sandbox.example/start?c="+id {
			t.Errorf("%s shows %+v", x.arguments, c)
		}
	}
	for name, x := range map[string]struct{ arguments, path string }{
		"nothing":             {`{"questions":[]}`, "questions"},
		"too much":            {`{"questions":[` + strings.TrimSuffix(strings.Repeat(`{"prompt":"a","type":"text"},`, 7), ",") + `]}`, "questions"},
		"blank":               {`{"questions":[{"prompt":"  ","type":"text"}]}`, "questions[0].prompt"},
		"no choices":          {`{"questions":[{"prompt":"Which?","type":"choice"}]}`, "questions[0].choices"},
		"a secret of its own": {`{"questions":[{"prompt":"Password?","type":"secret","field":"password"}]}`, "questions"},
		"a secret among":      {`{"questions":[{"prompt":"Name?","type":"text"},{"prompt":"Account?","type":"secret","field":"account"}]}`, "questions"},
	} {
		f := a.no("card.ask", x.arguments)
		at := f.Path
		if len(f.Violations) > 0 {
			at = f.Violations[0].Path
		}
		if f.Code != fault.Invalid || at != x.path {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Models like to send an empty text for what they leave out.
func TestEmptyIsLeftOut(t *testing.T) {
	a, id := newRig(t).house("anna")
	var draft provisioner.Draft
	if a.ok("catalyst.draft.get", `{"draftId":""}`, &draft); draft.ID != id {
		t.Errorf("the draft is %q", draft.ID)
	}
	a.ok("catalyst.draft.set", `{"draftId":"","changes":[{"field":"orgName","value":"Acme","why":""}]}`, nil)
	a.ok("marketplace.catalog.list", `{"kind":"apps","industry":"","query":""}`, nil)
	a.ok("marketplace.region.list", `{"near":"","residency":""}`, nil)
	a.ok("marketplace.sku.list", `{"region":""}`, nil)
	a.ok("catalyst.openapi", `{"path":""}`, nil)
	a.ok("card.ask", `{"draftId":"","title":"","submit":"","questions":[{"questionId":"","field":"","prompt":"Who?","type":"text","suggested":"","why":""}]}`, nil)
	if f := a.no("catalyst.deployments.get", `{"deploymentId":""}`); f.Code != fault.NotFound {
		t.Errorf("%+v", f)
	}
}

func TestReading(t *testing.T) {
	r := newRig(t)
	a, _ := r.house("anna")
	var regions struct {
		Items []struct {
			Region     string
			DistanceKM int
			Available  bool
		}
		Place *struct{ Country string }
		Note  string
	}
	if a.ok("marketplace.region.list", `{"near":"Muscat, Oman"}`, &regions); regions.Place == nil || regions.Place.Country != "Oman" || !regions.Items[0].Available || regions.Items[0].DistanceKM < 1000 {
		t.Errorf("near Muscat: %+v", regions.Place)
	}
	regions.Place = nil
	if a.ok("marketplace.region.list", `{"near":"Xyzzyville"}`, &regions); regions.Place != nil || regions.Note == "" {
		t.Errorf("near nowhere: %+v, %q", regions.Place, regions.Note)
	}
	var items struct{ Items []map[string]any }
	if a.ok("marketplace.catalog.list", `{"kind":"apps","query":"files"}`, &items); len(items.Items) == 0 || len(items.Items) > 10 {
		t.Errorf("%d apps are about files", len(items.Items))
	}
	all := len(items.Items)
	if a.ok("marketplace.catalog.list", `{"kind":"apps","industry":"healthcare"}`, &items); len(items.Items) == 0 || len(items.Items) == all {
		t.Errorf("%d apps are for healthcare", len(items.Items))
	}
	if a.ok("marketplace.catalog.list", `{"kind":"apps","query":"zzzz"}`, &items); items.Items == nil || len(items.Items) != 0 {
		t.Errorf("nothing is %v", items.Items)
	}
	for _, kind := range []string{"industries", "components", "topologies", "bundles"} {
		if a.ok("marketplace.catalog.list", `{"kind":"`+kind+`"}`, &items); len(items.Items) == 0 {
			t.Errorf("there are no %s", kind)
		}
	}
	if a.ok("marketplace.sku.list", `{"region":"fsn1"}`, &items); len(items.Items) == 0 {
		t.Error("there are no sizes")
	}
	var check struct {
		Available   bool
		Suggestions []string
	}
	if a.ok("catalyst.subdomains.check", `{"subdomain":"console"}`, &check); check.Available || len(check.Suggestions) == 0 {
		t.Errorf("console: %+v", check)
	}
	var api struct {
		Paths       []string
		Description map[string]any
	}
	if a.ok("catalyst.openapi", `{}`, &api); !slices.Contains(api.Paths, "/api/v1/deployments") {
		t.Errorf("the paths are %v", api.Paths)
	}
	if a.ok("catalyst.openapi", `{"path":"/api/v1/deployments"}`, &api); api.Description["post"] == nil {
		t.Errorf("the path is %v", api.Description)
	}
	if a.ok("skills.list", `{}`, &items); len(items.Items) != 1 {
		t.Errorf("the packs are %v", items.Items)
	}
	a.ok("skills.get", `{"name":"healthcare"}`, nil)
	for _, x := range []struct {
		tool, arguments string
		code            fault.Code
	}{
		{"skills.get", `{"name":"none"}`, fault.NotFound}, {"catalyst.openapi", `{"path":"/none"}`, fault.NotFound},
		{"marketplace.sku.list", `{"region":"none"}`, fault.NotFound}, {"marketplace.catalog.list", `{"kind":"apps","industry":"none"}`, fault.NotFound},
		{"marketplace.catalog.list", `{"kind":"bundles","industry":"healthcare"}`, fault.Invalid}, {"marketplace.catalog.list", `{"kind":"all"}`, fault.Invalid},
		{"catalyst.subdomains.check", `{}`, fault.Invalid}, {"catalyst.deployments.events", `{"limit":501}`, fault.Invalid},
		{"catalyst.deployments.events", `{"after":-1}`, fault.Invalid},
	} {
		if f := a.no(x.tool, x.arguments); f.Code != x.code {
			t.Errorf("%s %s: %+v", x.tool, x.arguments, f)
		}
	}
}

// A client that waits for a plan hears why it waits.
func TestPlanTellsThatItIsAlive(t *testing.T) {
	r := newRig(t)
	r.engine.hold = make(chan struct{})
	r.waiting = func() string { return "OpenTofu is still being built." }
	a := r.outside("anna", withoutSessions)
	var draft provisioner.Draft
	a.ok("catalyst.draft.set", `{"draftId":"new","changes":`+complete+`}`, &draft)
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"catalyst.plan.create","arguments":{"draftId":%q},"_meta":{"progressToken":"p",`+
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`, draft.ID)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, strings.NewReader(body))
	must(t, err)
	for k, v := range map[string]string{
		"Authorization": "Bearer x", "X-Person": "anna", "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "catalyst.plan.create",
	} {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req) // returns with the first event
	must(t, err)
	defer res.Body.Close()
	<-r.engine.began
	close(r.engine.hold)
	var out strings.Builder
	buffer := make([]byte, 64<<10)
	for {
		n, err := res.Body.Read(buffer)
		out.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	first, rest, _ := strings.Cut(out.String(), "\n\n")
	if !strings.Contains(first, `"message":"OpenTofu is still being built."`) || !strings.Contains(first, `"progressToken":"p"`) || !strings.Contains(rest, `"awaiting-approval"`) {
		t.Errorf("the stream is %s", out.String())
	}
	if c := r.shown("anna", draft.ID)[card.KindNotice]; !strings.Contains(c.Text, "still being built") {
		t.Errorf("the person reads %q", c.Text)
	}
}
