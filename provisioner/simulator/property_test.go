package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/provisioner/simulator"
)

// TestInvariants sends random requests, sensible and not, and checks after
// each that names and addresses are unique and that no reference dangles.
func TestInvariants(t *testing.T) {
	c := start(t, simulator.Options{Speed: 1e6})
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			w := c.world(rt)
			method, path, body := http.MethodPost, "", map[string]any{}
			kind := rapid.SampledFrom([]string{"servers", "networks", "load_balancers", "firewalls", "volumes", "placement_groups"}).Draw(rt, "kind")
			existing := w.ids[kind]
			act := "create"
			if len(existing) > 0 {
				act = rapid.SampledFrom([]string{"create", "delete", "relate"}).Draw(rt, "act")
			}
			pick := func(of string) int64 {
				// 1 is the id of nothing.
				return rapid.SampledFrom(append(w.ids[of], 1)).Draw(rt, of)
			}
			switch act {
			case "create":
				path, body = "/v1/"+kind, creation(kind, name.Draw(rt, "name"), pick)
			case "delete":
				method, path = http.MethodDelete, fmt.Sprintf("/v1/%s/%d", kind, pick(kind))
			default:
				path, body = relation(kind, pick)
			}
			data, err := json.Marshal(body)
			if err != nil {
				rt.Fatal(err)
			}
			status, _, answer := c.raw(method, path, string(data), token)
			if status >= 500 {
				rt.Fatalf("%s %s %s answered %d %s", method, path, data, status, answer)
			}
			c.settle(rt)
			c.world(rt).check(rt)
		}
	})
}

// creation is the body that makes a resource.
func creation(kind, name string, pick func(string) int64) map[string]any {
	body := map[string]any{"name": name}
	switch kind {
	case "servers":
		body["server_type"], body["image"], body["location"] = "cpx22", "ubuntu-24.04", "hel1"
		if n := pick("networks"); n != 1 {
			body["networks"] = []int64{n}
		}
		if g := pick("placement_groups"); g != 1 {
			body["placement_group"] = g
		}
		if f := pick("firewalls"); f != 1 {
			body["firewalls"] = []map[string]int64{{"firewall": f}}
		}
	case "networks":
		body["ip_range"] = "10.0.0.0/16"
		body["subnets"] = []map[string]string{{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}}
	case "load_balancers":
		body["load_balancer_type"], body["location"] = "lb11", "hel1"
	case "volumes":
		body["size"], body["location"] = 10, "hel1"
	case "placement_groups":
		body["type"] = "spread"
	}
	return body
}

// relation is a request that ties a resource to another one.
func relation(kind string, pick func(string) int64) (string, map[string]any) {
	id := pick(kind)
	path := func(action string) string { return fmt.Sprintf("/v1/%s/%d/actions/%s", kind, id, action) }
	switch kind {
	case "servers":
		return path("attach_to_network"), map[string]any{"network": pick("networks")}
	case "networks":
		return path("add_subnet"), map[string]any{"type": "cloud", "network_zone": "eu-central"}
	case "load_balancers":
		if n := pick("networks"); n != 1 {
			return path("attach_to_network"), map[string]any{"network": n}
		}
		return path("add_target"), map[string]any{"type": "server", "server": map[string]int64{"id": pick("servers")}}
	case "firewalls":
		return path("apply_to_resources"), map[string]any{"apply_to": []map[string]any{{"type": "server", "server": map[string]int64{"id": pick("servers")}}}}
	case "volumes":
		return path("attach"), map[string]any{"server": pick("servers")}
	default:
		return path("nothing"), nil
	}
}

// world is the project as its lists show it.
type world struct {
	ids   map[string][]int64
	names map[string]map[string]int
	lists map[string][]map[string]any
}

func (c *cloud) world(rt *rapid.T) world {
	w := world{map[string][]int64{}, map[string]map[string]int{}, map[string][]map[string]any{}}
	for _, kind := range []string{"servers", "networks", "load_balancers", "firewalls", "volumes", "placement_groups", "primary_ips"} {
		_, _, body := c.raw(http.MethodGet, "/v1/"+kind+"?per_page=50", "", token)
		var list map[string]json.RawMessage
		var entries []map[string]any
		if json.Unmarshal(body, &list) != nil || json.Unmarshal(list[kind], &entries) != nil {
			rt.Fatalf("not a list: %s", body)
		}
		w.lists[kind], w.names[kind] = entries, map[string]int{}
		for _, e := range entries {
			w.ids[kind] = append(w.ids[kind], int64(e["id"].(float64)))
			w.names[kind][e["name"].(string)]++
		}
	}
	return w
}

// settle waits until no action of any resource runs.
func (c *cloud) settle(rt *rapid.T) {
	w := c.world(rt)
	for _, kind := range []string{"servers", "load_balancers", "networks", "firewalls", "volumes"} {
		for _, id := range w.ids[kind] {
			for {
				_, _, body := c.raw(http.MethodGet, fmt.Sprintf("/v1/%s/%d/actions?status=running", kind, id), "", token)
				var list struct{ Actions []any }
				if json.Unmarshal(body, &list) != nil {
					rt.Fatalf("not a list: %s", body)
				}
				if len(list.Actions) == 0 {
					break
				}
			}
		}
	}
}

func (w world) has(kind string, id any) bool {
	for _, known := range w.ids[kind] {
		if n, isNumber := id.(float64); isNumber && int64(n) == known {
			return true
		}
	}
	return false
}

// check states the invariants.
func (w world) check(rt *rapid.T) {
	for kind, names := range w.names {
		for name, n := range names {
			if n > 1 {
				rt.Fatalf("%d %s are called %s", n, kind, name)
			}
		}
	}
	addresses := map[string]string{}
	once := func(address, owner string) {
		if other, taken := addresses[address]; taken && address != "" {
			rt.Fatalf("%s and %s have %s", other, owner, address)
		}
		addresses[address] = owner
	}
	refers := func(kind string, id any, from string) {
		if !w.has(kind, id) {
			rt.Fatalf("%s refers to %s %v, which is gone", from, kind, id)
		}
	}
	private := func(e map[string]any, owner string) {
		for _, n := range e["private_net"].([]any) {
			n := n.(map[string]any)
			refers("networks", n["network"], owner)
			once(fmt.Sprint(n["network"], " ", n["ip"]), owner)
		}
	}
	for _, s := range w.lists["servers"] {
		owner := fmt.Sprint("server ", s["name"])
		private(s, owner)
		for _, v := range s["volumes"].([]any) {
			refers("volumes", v, owner)
		}
		for _, f := range s["public_net"].(map[string]any)["firewalls"].([]any) {
			refers("firewalls", f.(map[string]any)["id"], owner)
		}
		if g, in := s["placement_group"].(map[string]any); in {
			refers("placement_groups", g["id"], owner)
		}
	}
	for _, ip := range w.lists["primary_ips"] {
		once(ip["ip"].(string), fmt.Sprint("primary IP ", ip["name"]))
		if ip["assignee_id"] != nil {
			refers("servers", ip["assignee_id"], "a primary IP")
		}
	}
	for _, lb := range w.lists["load_balancers"] {
		owner := fmt.Sprint("load balancer ", lb["name"])
		private(lb, owner)
		once(lb["public_net"].(map[string]any)["ipv4"].(map[string]any)["ip"].(string), owner)
		for _, target := range lb["targets"].([]any) {
			refers("servers", target.(map[string]any)["server"].(map[string]any)["id"], owner)
		}
	}
	for _, f := range w.lists["firewalls"] {
		for _, r := range f["applied_to"].([]any) {
			refers("servers", r.(map[string]any)["server"].(map[string]any)["id"], "a firewall")
		}
	}
	for _, v := range w.lists["volumes"] {
		if v["server"] != nil {
			refers("servers", v["server"], "a volume")
		}
	}
}
