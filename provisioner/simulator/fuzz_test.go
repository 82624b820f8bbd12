package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/openova-io/sandbox/provisioner/simulator"
)

// FuzzLabelSelector sends selectors: each is understood or refused as
// invalid_input, and nothing else happens.
func FuzzLabelSelector(f *testing.F) {
	for _, s := range []string{"", "a", "!a", "a=b", "a==b", "a!=b", "a in (b,c)", "a notin (b)", "a,b=c", "x.y/z=1", "a in (", ",", "a,,b", "a=(b)", "\x00"} {
		f.Add(s)
	}
	c := start(f, simulator.Options{})
	f.Fuzz(func(t *testing.T, selector string) {
		status, _, body := c.on(t).raw(http.MethodGet, "/v1/servers?label_selector="+url.QueryEscape(selector), "", token)
		if status != http.StatusOK && status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d %s", selector, status, body)
		}
	})
}

// FuzzBody sends bodies to every kind of creation and to the actions that take
// the richest ones: the answer is always JSON and never a server error.
func FuzzBody(f *testing.F) {
	for i, s := range []string{
		`{"name":"s","server_type":"cpx22","image":"ubuntu-24.04","location":"hel1","networks":[1],"public_net":{"enable_ipv4":false}}`,
		`{"name":"n","ip_range":"10.0.0.0/8","subnets":[{"type":"cloud","network_zone":"eu-central","ip_range":"10.0.0.0/24"}],"routes":[{"destination":"0.0.0.0/0","gateway":"10.0.0.2"}]}`,
		`{"name":"f","rules":[{"direction":"in","protocol":"tcp","port":"1-2","source_ips":["0.0.0.0/0"]}],"apply_to":[{"type":"label_selector","label_selector":{"selector":"a"}}]}`,
		`{"name":"l","load_balancer_type":"lb11","location":"hel1","services":[{"protocol":"http"}],"targets":[{"type":"ip","ip":{"ip":"1.2.3.4"}}]}`,
		`{"name":"k","public_key":"ssh-ed25519 AAAA"}`, `{"name":"v","size":10,"location":1}`, `{"name":"p","type":"ipv4","location":"hel1"}`,
		`{"type":"ipv4","home_location":"hel1"}`, `{"type":"spread","name":"g"}`, `{"targets":[null]}`, `[]`, `null`, `{"services":[{"protocol":"https"}]}`,
	} {
		f.Add(i, []byte(s))
	}
	paths := []string{"servers", "networks", "firewalls", "load_balancers", "ssh_keys", "volumes", "primary_ips", "floating_ips", "placement_groups"}
	c := start(f, simulator.Options{Speed: 1e6})
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		kind := paths[uint(which)%uint(len(paths))]
		status, _, answer := c.on(t).raw(http.MethodPost, "/v1/"+kind, string(body), token)
		if status >= 500 || !json.Valid(answer) {
			t.Errorf("POST %s %q: %d %s", kind, body, status, answer)
		}
		if status, _, answer := c.on(t).raw(http.MethodGet, "/v1/"+kind, "", token); status != http.StatusOK || !json.Valid(answer) {
			t.Errorf("the list after POST %s %q: %d %s", kind, body, status, answer)
		}
	})
}
