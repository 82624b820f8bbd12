package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/identity"
)

// document is the description, loaded.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	raw, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPIIsValid(t *testing.T) {
	doc := document(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	seen := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if op.Summary == "" || len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil {
				t.Errorf("%s needs a summary and one known tag", at)
			}
			if other := seen[op.OperationID]; other != "" || op.OperationID == "" {
				t.Errorf("%s and %s have the operation id %q", at, other, op.OperationID)
			}
			seen[op.OperationID] = at
		}
	}
}

// pages are the app's, which the description leaves out.
var pages = regexp.MustCompile(`^GET /($|start$|signin$|join$|authorize$|sandbox$|sandbox/\*$|assets/\*$|notify\.js$)`)

var parameter = regexp.MustCompile(`:([A-Za-z]+)`)

// routes are those of the server in both modes, in the description's form.
func routes(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, mode := range []web.Mode{web.Concierge, web.SovereignConsole} {
		c := newConsole(t, func(o *web.Options) { o.Mode, o.MCP = mode, http.NotFoundHandler() })
		for _, h := range []http.Handler{c.Handler(), c.LocalHandler()} {
			for _, r := range h.(*echo.Echo).Routes() {
				if r.Method == echo.RouteNotFound || pages.MatchString(r.Method+" "+r.Path) {
					continue
				}
				out[r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}")] = true
			}
		}
	}
	return out
}

func TestOpenAPIHasEveryRoute(t *testing.T) {
	described := map[string]bool{}
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	served := routes(t)
	for _, r := range slices.Sorted(maps.Keys(served)) {
		if !described[r] {
			t.Errorf("%s is served and not described", r)
		}
	}
	for _, r := range slices.Sorted(maps.Keys(described)) {
		if !served[r] {
			t.Errorf("%s is described and not served", r)
		}
	}
	if len(served) < 30 {
		t.Errorf("only %d routes were found", len(served))
	}
}

// TestOpenAPISaysWhatIsOpen: a route answers 401 to a stranger exactly where the
// description says that it wants a caller.
func TestOpenAPISaysWhatIsOpen(t *testing.T) {
	doc := document(t)
	c := newConsole(t, func(o *web.Options) { o.Mode, o.MCP = web.Concierge, http.NotFoundHandler() })
	s := newConsole(t, nil)
	asked := 0
	for path, item := range doc.Paths.Map() {
		if path == "/mcp/concierge" {
			continue // has a guard of its own
		}
		for method, op := range item.Operations() {
			server := c
			if path == "/api/v1/sovereign" {
				server = s
			}
			address := strings.NewReplacer("{id}", "0123456789abcdef", "{list}", "apps", "{jti}", "none").Replace(path)
			r := request(method, address, "")
			asked++
			r.RemoteAddr = fmt.Sprintf("192.0.2.%d:4000", asked) // a stranger may not ask so much from one place
			res := do(server.Handler(), r)
			wanted := op.Security == nil || len(*op.Security) > 0
			if refused := res.StatusCode == http.StatusUnauthorized; refused != wanted {
				t.Errorf("%s %s answers %d to a stranger; the description wants a caller: %v", method, path, res.StatusCode, wanted)
			}
		}
	}
}

// TestOpenAPIHasEveryField compares the schemas with the types that are encoded.
func TestOpenAPIHasEveryField(t *testing.T) {
	doc := document(t)
	for name, value := range map[string]any{
		"Violation": fault.Violation{}, "Actor": journal.Actor{}, "Event": journal.Event{}, "Card": card.Card{}, "Press": conversation.Press{},
		"Conversation": conversation.Conversation{}, "Sovereign": web.Sovereign{}, "SovereignApp": web.SovereignApp{}, "AppPage": web.AppPage{},
		"Draft": provisioner.Draft{}, "Spec": provisioner.Spec{}, "Region": provisioner.Region{}, "Field": provisioner.Field{},
		"Change": provisioner.Change{}, "Sizing": provisioner.Sizing{}, "SizingPart": provisioner.SizingPart{},
		"Cost": provisioner.Cost{}, "CostLine": card.CostLine{}, "Money": card.Money{}, "Deployment": provisioner.Deployment{},
		"Plan": provisioner.Plan{}, "PlanChange": card.PlanChange{}, "Approval": provisioner.Approval{}, "Resource": provisioner.Resource{},
		"Release": provisioner.Release{}, "Link": card.Link{}, "LogLine": provisioner.LogLine{}, "SubdomainCheck": provisioner.SubdomainCheck{},
		"Session": shell.Session{}, "Watcher": hold.Watcher{}, "Exit": hold.ExitData{}, "Agent": agent.Info{}, "Token": identity.Token{},
		"Challenge": identity.Challenge{}, "Invited": identity.Invited{}, "Invitation": identity.Invitation{}, "Organization": identity.Organization{},
		"Member": identity.Member{}, "OwnSession": identity.OwnSession{}, "KeptMail": identity.KeptMail{},
		"Provenance": provisioner.Provenance{}, "RankedRegion": provisioner.RankedRegion{}, "NodeSize": provisioner.NodeSize{},
		"Recording": recording.Recording{}, "App": provisioner.App{}, "Industry": provisioner.Industry{}, "Component": provisioner.Component{}, "Topology": provisioner.Topology{},
	} {
		t.Run(name, func(t *testing.T) {
			ref := doc.Components.Schemas[name]
			if ref == nil {
				t.Fatal("it is not described")
			}
			described := slices.Sorted(maps.Keys(ref.Value.Properties))
			encoded := slices.Sorted(slices.Values(fields(reflect.TypeOf(value))))
			if !slices.Equal(described, encoded) {
				t.Errorf("described:\n%v\nencoded:\n%v", described, encoded)
			}
		})
	}
}

// fields are the JSON names of a struct.
func fields(of reflect.Type) []string {
	var out []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, fields(f.Type)...)
		case f.IsExported() && name != "-":
			out = append(out, name)
		}
	}
	return out
}

// TestCatalogueFitsItsSchema reads real answers with the schemas, as the lists
// need no other service.
func TestCatalogueFitsItsSchema(t *testing.T) {
	doc := document(t)
	cat, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t, func(o *web.Options) { o.Mode, o.Catalogue = web.Concierge, cat })
	for address, schema := range map[string]string{
		"regions": "RankedRegion", "regions?near=Muscat": "RankedRegion", "sizes": "NodeSize", "apps": "App",
		"industries": "Industry", "components": "Component", "topologies": "Topology",
	} {
		t.Run(address, func(t *testing.T) {
			res := do(c.Handler(), c.signedIn(t, request(http.MethodGet, "/api/v1/catalogue/"+address, "")))
			wantStatus(t, res, http.StatusOK)
			var answer struct{ Items []any }
			decode(t, res, &answer)
			if len(answer.Items) == 0 {
				t.Fatal("the list is empty")
			}
			for _, item := range answer.Items {
				if err := doc.Components.Schemas[schema].Value.VisitJSON(item, openapi3.EnableJSONSchema2020()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	res := do(newConsole(t, nil).Handler(), request(http.MethodGet, "/api/v1/openapi.json", ""))
	wantStatus(t, res, http.StatusOK)
	raw, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if served := body(t, res); served != string(raw) {
		t.Errorf("%d bytes are served of %d", len(served), len(raw))
	}
}
