package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/metadata"
	"github.com/shopspring/decimal"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

func TestTokens(t *testing.T) {
	reader := strings.Repeat("r", simulator.TokenLength)
	c := start(t, simulator.Options{Token: token, ReadOnlyToken: reader})
	for _, tc := range []struct {
		name, method, token string
		status              int
	}{
		{"none", http.MethodGet, "", http.StatusUnauthorized},
		{"short", http.MethodGet, "short", http.StatusUnauthorized},
		{"another", http.MethodGet, strings.Repeat("x", 64), http.StatusUnauthorized},
		{"right", http.MethodGet, token, http.StatusOK},
		{"reading", http.MethodGet, reader, http.StatusOK},
		{"reading only", http.MethodPost, reader, http.StatusForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if status, _, body := c.raw(tc.method, "/v1/networks", "{}", tc.token); status != tc.status {
				t.Errorf("status %d, want %d: %s", status, tc.status, body)
			}
		})
	}
	if status, _, _ := c.raw(http.MethodGet, "/_simulator/requests", "", ""); status != http.StatusUnauthorized {
		t.Errorf("the request log is open to everybody: %d", status)
	}
	if status, _, _ := c.raw(http.MethodGet, "/_simulator/health", "", ""); status != http.StatusOK {
		t.Errorf("health answered %d", status)
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	c := start(t, simulator.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL()+"/servers", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example.org"
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestRateLimit(t *testing.T) {
	c := start(t, simulator.Options{RateLimit: 3})
	for i := range 4 {
		status, headers, body := c.raw(http.MethodGet, "/v1/locations", "", token)
		if headers.Get("RateLimit-Limit") != "3" || headers.Get("RateLimit-Remaining") == "" || headers.Get("RateLimit-Reset") == "" {
			t.Errorf("headers of request %d: %v", i, headers)
		}
		if i == 3 && (status != http.StatusTooManyRequests || !strings.Contains(string(body), "rate_limit_exceeded")) {
			t.Errorf("request %d: %d %s", i, status, body)
		}
	}
}

func TestErrorEnvelope(t *testing.T) {
	c := start(t, simulator.Options{})
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		code, field              string
	}{
		{"broken JSON", http.MethodPost, "/v1/networks", `{"name":`, 400, "json_error", ""},
		{"no name", http.MethodPost, "/v1/networks", `{}`, 422, "invalid_input", "name"},
		{"host bits", http.MethodPost, "/v1/networks", `{"name":"n","ip_range":"10.0.0.1/16"}`, 422, "invalid_input", "ip_range"},
		{"unknown id", http.MethodGet, "/v1/servers/4711", ``, 404, "not_found", ""},
		{"no id", http.MethodGet, "/v1/servers/cp1", ``, 404, "not_found", ""},
		{"unknown path", http.MethodGet, "/v1/moons", ``, 404, "not_found", ""},
		{"all actions", http.MethodGet, "/v1/actions", ``, 410, "deprecated_api_endpoint", ""},
		{"bad selector", http.MethodGet, "/v1/servers?label_selector=a,,b", ``, 422, "invalid_input", "label_selector"},
		{"bad page", http.MethodGet, "/v1/servers?page=0", ``, 422, "invalid_input", "page"},
		{"bad sort", http.MethodGet, "/v1/servers?sort=weight", ``, 422, "invalid_input", "sort"},
		{"bad label", http.MethodPost, "/v1/ssh_keys", `{"name":"k","public_key":"` + sshKey + `","labels":{"-":"x"}}`, 422, "invalid_input", "labels"},
		{"user_data", http.MethodPost, "/v1/servers", `{"name":"s","server_type":"cpx22","image":"ubuntu-24.04","location":"hel1","user_data":"` + strings.Repeat("x", 32769) + `"}`, 422, "invalid_input", "user_data"},
		{"location", http.MethodPost, "/v1/servers", `{"name":"s","server_type":"cpx22","image":"ubuntu-24.04","location":"ash"}`, 422, "invalid_input", "server_type"},
		{"stock", http.MethodPost, "/v1/servers", `{"name":"s","server_type":"cx23","image":"ubuntu-24.04","location":"hel1"}`, 412, "resource_unavailable", ""},
		{"architecture", http.MethodPost, "/v1/servers", `{"name":"s","server_type":"cax11","image":161547269,"location":"hel1"}`, 422, "invalid_input", "image"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _, body := c.raw(tc.method, tc.path, tc.body, token)
			var e struct {
				Error struct {
					Code, Message string
					Details       *struct{ Fields []struct{ Name string } }
				}
			}
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatal(err)
			}
			if status != tc.status || e.Error.Code != tc.code || e.Error.Message == "" {
				t.Errorf("%d %s", status, body)
			}
			if tc.field != "" && (e.Error.Details == nil || e.Error.Details.Fields[0].Name != tc.field) {
				t.Errorf("no details of %s: %s", tc.field, body)
			}
		})
	}
	if left := c.leftovers(); left != "" {
		t.Errorf("a refused request left something:\n%s", left)
	}
}

func TestQuotas(t *testing.T) {
	c := start(t, simulator.Options{Limits: simulator.Limits{Networks: 1, Servers: 1}})
	c.network("one")
	_, _, err := c.Network.Create(t.Context(), hcloud.NetworkCreateOpts{Name: "two", IPRange: cidr("10.0.0.0/16")})
	refused(t, err, hcloud.ErrorCodeResourceLimitExceeded)
}

func TestListsPageFilterAndSort(t *testing.T) {
	c := start(t, simulator.Options{})
	for i := range 7 {
		got[hcloud.PlacementGroupCreateResult](t)(c.PlacementGroup.Create(t.Context(), hcloud.PlacementGroupCreateOpts{
			Name: string(rune('g'-i)) + "-group", Type: hcloud.PlacementGroupTypeSpread, Labels: map[string]string{"odd": []string{"no", "yes"}[i%2]},
		}))
	}
	groups, r, err := c.PlacementGroup.List(t.Context(), hcloud.PlacementGroupListOpts{ListOpts: hcloud.ListOpts{Page: 2, PerPage: 3}, Sort: []string{"name:desc"}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	if !slices.Equal(names, []string{"d-group", "c-group", "b-group"}) {
		t.Errorf("page 2 by name: %v", names)
	}
	if p := r.Meta.Pagination; p.TotalEntries != 7 || p.LastPage != 3 || p.NextPage != 3 || p.PreviousPage != 1 {
		t.Errorf("unexpected pagination: %+v", p)
	}
	for selector, want := range map[string]int{"odd": 7, "!odd": 0, "odd=yes": 3, "odd!=yes": 4, "odd in (yes, no)": 7, "odd notin (yes)": 4, "odd==no,other!=x": 4} {
		list, err := c.PlacementGroup.AllWithOpts(t.Context(), hcloud.PlacementGroupListOpts{ListOpts: hcloud.ListOpts{LabelSelector: selector}})
		if err != nil || len(list) != want {
			t.Errorf("%s: %d groups, want %d (%v)", selector, len(list), want, err)
		}
	}
}

func TestCatalogue(t *testing.T) {
	c := start(t, simulator.Options{OutOfStock: []string{"cpx32@hel1", "ccx13"}})
	ctx := t.Context()
	pricing := got[hcloud.Pricing](t)(c.Pricing.Get(ctx))
	monthly := map[string]string{}
	for _, p := range pricing.ServerTypes {
		for _, l := range p.Pricings {
			monthly[p.ServerType.Name+"@"+l.Location.Name] = l.Monthly.Net
		}
	}
	for what, want := range map[string]string{"cpx22@hel1": "19.49", "cpx32@fsn1": "35.49", "ccx63@sin": "1036.49", "cpx11@ash": "17.49"} {
		have, err := decimal.NewFromString(monthly[what])
		if err != nil || !have.Equal(decimal.RequireFromString(want)) {
			t.Errorf("%s costs %s, want %s", what, monthly[what], want)
		}
	}
	for _, l := range pricing.LoadBalancerTypes {
		if known := len(l.Pricings) > 0; known != (l.LoadBalancerType.Name == "lb11") {
			t.Errorf("the price of %s: %v", l.LoadBalancerType.Name, l.Pricings)
		}
	}
	stock := func(name, location string) bool {
		st := got[*hcloud.ServerType](t)(c.ServerType.GetByName(ctx, name))
		for _, l := range st.Locations {
			if l.Location.Name == location {
				return l.Available
			}
		}
		return false
	}
	if stock("cpx32", "hel1") || !stock("cpx32", "fsn1") || stock("ccx13", "ash") || !stock("cpx22", "hel1") || stock("cpx11", "hel1") {
		t.Error("the stock is not what the table and the faults say")
	}
	image := got[*hcloud.Image](t)(c.Image.GetByNameAndArchitecture(ctx, "ubuntu-24.04", hcloud.ArchitectureARM))
	if image == nil || image.ID != 161547270 {
		t.Errorf("unexpected image: %+v", image)
	}
	if d := got[*hcloud.Datacenter](t)(c.Datacenter.GetByName(ctx, "hel1-dc2")); d.Location.NetworkZone != hcloud.NetworkZoneEUCentral || len(d.ServerTypes.Available) == 0 {
		t.Errorf("unexpected datacenter: %+v", d)
	}
	if all, err := c.Location.All(ctx); err != nil || len(all) != 6 {
		t.Errorf("%d locations, %v", len(all), err)
	}
	if lb := got[*hcloud.LoadBalancerType](t)(c.LoadBalancerType.GetByName(ctx, "lb31")); lb.MaxTargets != 150 {
		t.Errorf("unexpected type: %+v", lb)
	}
}

func TestFaults(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	if status, _, body := c.raw(http.MethodPost, "/_simulator/faults", `{"failAction":["add_subnet"],"times":1}`, ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, _ := c.raw(http.MethodPost, "/_simulator/faults", `{"fail":["add_subnet"]}`, ""); status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown fault was accepted: %d", status)
	}
	n := got[*hcloud.Network](t)(c.Network.Create(ctx, hcloud.NetworkCreateOpts{Name: "n", IPRange: cidr("10.0.0.0/16")}))
	add := func() *hcloud.Action {
		return got[*hcloud.Action](t)(c.Network.AddSubnet(ctx, n, hcloud.NetworkAddSubnetOpts{Subnet: hcloud.NetworkSubnet{
			Type: hcloud.NetworkSubnetTypeCloud, IPRange: cidr("10.0.1.0/24"), NetworkZone: hcloud.NetworkZoneEUCentral,
		}}))
	}
	var failure hcloud.ActionError
	if err := c.Action.WaitFor(ctx, add()); !errors.As(err, &failure) || failure.Code != "action_failed" {
		t.Errorf("want a failed action, got %v", err)
	}
	if n = got[*hcloud.Network](t)(c.Network.GetByID(ctx, n.ID)); len(n.Subnets) != 0 {
		t.Error("a failed action made its change")
	}
	c.wait(add())

	if err := c.SetFaults(simulator.Faults{StallAction: []string{"start_server"}}); err != nil {
		t.Fatal(err)
	}
	result := got[hcloud.ServerCreateResult](t)(c.Server.Create(ctx, hcloud.ServerCreateOpts{Name: "s", ServerType: &hcloud.ServerType{Name: "cpx22"}, Image: &hcloud.Image{Name: "debian-12"}}))
	c.wait(result.Action)
	_, _, err := c.Server.DeleteWithResult(ctx, result.Server)
	refused(t, err, hcloud.ErrorCodeLocked)
	if a := got[*hcloud.Action](t)(c.Action.GetByID(ctx, result.NextActions[0].ID)); a.Status != hcloud.ActionStatusRunning || a.Progress == 100 {
		t.Errorf("the action does not stall: %+v", a)
	}
	if err := c.SetFaults(simulator.Faults{}); err != nil {
		t.Fatal(err)
	}
	c.wait(result.NextActions...)
}

// TestProgress watches an action grow on a slow cloud, and a second one on the
// same network being refused meanwhile.
func TestProgress(t *testing.T) {
	c := start(t, simulator.Options{Speed: 4})
	n := got[*hcloud.Network](t)(c.Network.Create(t.Context(), hcloud.NetworkCreateOpts{Name: "n", IPRange: cidr("10.0.0.0/16")}))
	body := func(third string) string {
		return `{"type":"cloud","network_zone":"eu-central","ip_range":"10.0.` + third + `.0/24"}`
	}
	path := "/v1/networks/" + fmtID(n.ID) + "/actions/add_subnet"
	status, _, answer := c.raw(http.MethodPost, path, body("1"), token)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	if status, _, answer := c.raw(http.MethodPost, path, body("2"), token); status != http.StatusConflict {
		t.Errorf("a second action at the same time: %d %s", status, answer)
	}
	var a struct{ Action struct{ ID int64 } }
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	last := -1
	err := c.Action.WaitForFunc(t.Context(), func(u *hcloud.Action) error {
		if u.Progress < last || (u.Status == hcloud.ActionStatusRunning && u.Progress > 99) {
			t.Errorf("progress went from %d to %d while %s", last, u.Progress, u.Status)
		}
		last = u.Progress
		return nil
	}, &hcloud.Action{ID: a.Action.ID, Status: hcloud.ActionStatusRunning})
	if err != nil || last != 100 {
		t.Errorf("ended at %d: %v", last, err)
	}
}

// The clusters behind the servers are what the service boots.
var (
	_ simulator.Booter         = (*cluster.Clusters)(nil)
	_ simulator.ReleaseFaulter = (*cluster.Clusters)(nil)
)

// boots records what the simulator hands over.
type boots struct {
	booted  chan simulator.Boot
	removed chan int64
	fails   int
}

func (b *boots) Boot(_ context.Context, m simulator.Boot) error {
	if b.fails > 0 {
		b.fails--
		return fault.New(fault.Unavailable, "the machine is not ready")
	}
	b.booted <- m
	return nil
}

func (b *boots) Remove(id int64) { b.removed <- id }

func TestMachinesBootOnceAndAreRemoved(t *testing.T) {
	b := &boots{booted: make(chan simulator.Boot, 10), removed: make(chan int64, 10), fails: 1}
	o := simulator.Options{Dir: t.TempDir(), Boot: b, Sovereigns: func() any { return []string{"one"} }}
	c := start(t, o)
	s := c.server("cp1", func(o *hcloud.ServerCreateOpts) {
		o.UserData, o.Labels = "#cloud-config\nruncmd: [true]\n", map[string]string{"a": "b"}
	})
	m := <-b.booted
	if m.ServerID != s.ID || m.PublicIPv4 != s.PublicNet.IPv4.IP.String() || m.UserData != "#cloud-config\nruncmd: [true]\n" || m.Labels["a"] != "b" {
		t.Errorf("unexpected machine: %+v", m)
	}
	c.wait(got[*hcloud.Action](t)(c.Server.Reboot(t.Context(), s)))
	if _, _, body := c.raw(http.MethodGet, "/_simulator/sovereigns", "", ""); string(body) != `{"sovereigns":["one"]}` {
		t.Errorf("unexpected sovereigns: %s", body)
	}
	c.stop()
	c = start(t, o)
	c.wait(got[*hcloud.ServerDeleteResult](t)(c.Server.DeleteWithResult(t.Context(), s)).Action)
	if id := <-b.removed; id != s.ID {
		t.Errorf("%d was removed, not %d", id, s.ID)
	}
	if len(b.booted) != 0 {
		t.Error("a machine was booted twice")
	}
}

func TestMetadata(t *testing.T) {
	c := start(t, simulator.Options{})
	n := c.network("net")
	s := c.server("cp1", func(o *hcloud.ServerCreateOpts) {
		o.Networks, o.UserData = []*hcloud.Network{n}, "canary-of-user-data"
	})
	base := strings.TrimSuffix(c.URL(), "/v1") + "/_simulator/metadata/" + fmtID(s.ID)
	m := metadata.NewClient(metadata.WithEndpoint(base + "/hetzner/v1/metadata"))
	name, err1 := m.Hostname()
	id, err2 := m.InstanceID()
	networks, err3 := m.PrivateNetworks()
	if err := errors.Join(err1, err2, err3); err != nil || name != "cp1" || id != s.ID || !strings.Contains(networks, "10.0.1.2") {
		t.Errorf("%s %d %s %v", name, id, networks, err)
	}
	path := "/_simulator/metadata/" + fmtID(s.ID) + "/hetzner/v1/userdata"
	if status, _, body := c.raw(http.MethodGet, path, "", ""); status != http.StatusUnauthorized || strings.Contains(string(body), "canary") {
		t.Errorf("user-data without the token: %d %s", status, body)
	}
	if status, _, body := c.raw(http.MethodGet, path, "", token); status != http.StatusOK || string(body) != "canary-of-user-data" {
		t.Errorf("user-data with the token: %d %s", status, body)
	}
}

func TestRequestLogTellsWhatWasMadeAndNoSecret(t *testing.T) {
	o := simulator.Options{Dir: t.TempDir()}
	c := start(t, o)
	c.server("cp1", func(o *hcloud.ServerCreateOpts) { o.UserData = "canary-of-user-data" })
	c.stop()
	c = start(t, o)
	_, _, body := c.raw(http.MethodGet, "/_simulator/requests?method=POST", "", "")
	var log struct{ Requests []simulator.Request }
	if err := json.Unmarshal(body, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Requests) != 1 || log.Requests[0].Name != "cp1" || log.Requests[0].Path != "/v1/servers" || log.Requests[0].Status != http.StatusCreated {
		t.Errorf("unexpected log: %s", body)
	}
	for _, secret := range []string{"canary", token} {
		if strings.Contains(string(body), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if since := c.Requests(log.Requests[0].Seq); len(since) == 0 || since[0].Seq != log.Requests[0].Seq+1 || since[0].Time.After(time.Now()) {
		t.Errorf("the log does not go on after %d: %+v", log.Requests[0].Seq, since)
	}
}
