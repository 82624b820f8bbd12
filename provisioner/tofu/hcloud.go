package tofu

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Hetzner is a [Finder] that asks the Hetzner Cloud API. It takes over only
// what carries the label of the Sovereign.
type Hetzner struct {
	// Endpoint and Token are those of the deployment.
	Endpoint, Token string
	// Label and Value mark what belongs to the Sovereign.
	Label, Value string
}

// lookup finds a named resource: its id and its labels, or id 0.
type lookup func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error)

// named are the types that have a name of their own, unique in a project.
func named() map[string]lookup {
	return map[string]lookup{
		"hcloud_network": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.Network.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_firewall": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.Firewall.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_ssh_key": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.SSHKey.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_server": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.Server.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_load_balancer": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.LoadBalancer.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_placement_group": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.PlacementGroup.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_volume": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.Volume.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
		"hcloud_primary_ip": func(ctx context.Context, c *hcloud.Client, name string) (int64, map[string]string, error) {
			v, _, err := c.PrimaryIP.GetByName(ctx, name)
			if v == nil {
				return 0, nil, err
			}
			return v.ID, v.Labels, err
		},
	}
}

// Find implements [Finder].
func (h Hetzner) Find(ctx context.Context, plan *tfjson.Plan, known map[string]string) (map[string]string, map[string]bool, error) {
	client := hcloud.NewClient(hcloud.WithEndpoint(strings.TrimSuffix(h.Endpoint, "/")), hcloud.WithToken(h.Token),
		hcloud.WithApplication("openova-sandbox", ""))
	ids := existing(plan)
	found, handled := map[string]string{}, map[string]bool{}
	lookups := named()
	for _, c := range created(plan) {
		find := lookups[c.Type]
		name, _ := mapOf(c.Change.After)["name"].(string)
		if find == nil || name == "" {
			continue
		}
		handled[c.Address] = true
		id, labels, err := find(ctx, client, name)
		if err != nil {
			return nil, nil, unreachable(ctx, err)
		}
		if id == 0 {
			continue
		}
		text := strconv.FormatInt(id, 10)
		if labels[h.Label] != h.Value {
			return nil, nil, fault.New(fault.Conflict, "the cloud has %s named %s that does not belong to this Sovereign", c.Type, name).
				Do("rename or remove it in the provider's console, or choose another domain")
		}
		if before, ok := known[c.Address]; ok && before != text {
			return nil, nil, fault.New(fault.Conflict, "%s exists with id %s, but the interrupted run made %s", c.Address, text, before).
				Do("look at the project in the provider's console: somebody else changed it")
		}
		ids[c.Address], found[c.Address] = text, text
	}
	if err := h.findParts(ctx, client, plan, ids, found, handled); err != nil {
		return nil, nil, err
	}
	return found, handled, nil
}

// findParts finds the resources that only exist inside others: subnets, and the
// networks, services and targets of load balancers.
func (h Hetzner) findParts(ctx context.Context, client *hcloud.Client, plan *tfjson.Plan, ids, found map[string]string, handled map[string]bool) error {
	parts := &parts{client: client, networks: map[string]*hcloud.Network{}, balancers: map[string]*hcloud.LoadBalancer{}, servers: map[string]*hcloud.Server{}}
	for _, c := range created(plan) {
		after := mapOf(c.Change.After)
		parent := func(attribute, kind string) string { return parentOf(plan, c, attribute, kind, ids) }
		var id string
		var err error
		switch c.Type {
		case "hcloud_network_subnet":
			id, err = parts.subnet(ctx, parent("network_id", "hcloud_network"), textOf(after["ip_range"]))
		case "hcloud_server_network":
			id, err = parts.serverNetwork(ctx, parent("server_id", "hcloud_server"), networkOf(after, parent))
		case "hcloud_load_balancer_network":
			id, err = parts.balancerNetwork(ctx, parent("load_balancer_id", "hcloud_load_balancer"), networkOf(after, parent))
		case "hcloud_load_balancer_service":
			id, err = parts.service(ctx, parent("load_balancer_id", "hcloud_load_balancer"), servicePort(after))
		case "hcloud_load_balancer_target":
			id, err = parts.target(ctx, parent("load_balancer_id", "hcloud_load_balancer"), textOf(after["type"]), func() string {
				return parent("server_id", "hcloud_server")
			}, after)
		default:
			continue
		}
		if err != nil {
			return unreachable(ctx, err)
		}
		handled[c.Address] = true
		if id != "" {
			found[c.Address] = id
		}
	}
	return nil
}

// networkOf is the network behind network_id, or behind subnet_id, whose ids
// are "<network>-<range>".
func networkOf(after map[string]any, parent func(attribute, kind string) string) string {
	if subnet := textOf(after["subnet_id"]); subnet != "" {
		network, _, _ := strings.Cut(subnet, "-")
		return network
	}
	return parent("network_id", "hcloud_network")
}

// servicePort is the port that a service listens on; the provider fills in the
// protocol's own where none is given.
func servicePort(after map[string]any) int {
	if port, err := strconv.Atoi(textOf(after["listen_port"])); err == nil {
		return port
	}
	switch textOf(after["protocol"]) {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

// parts reads each parent once.
type parts struct {
	client    *hcloud.Client
	networks  map[string]*hcloud.Network
	balancers map[string]*hcloud.LoadBalancer
	servers   map[string]*hcloud.Server
}

func (p *parts) subnet(ctx context.Context, network, ipRange string) (string, error) {
	n, err := once(ctx, p.networks, network, p.client.Network.GetByID)
	if n == nil || err != nil {
		return "", err
	}
	for _, s := range n.Subnets {
		if s.IPRange != nil && s.IPRange.String() == ipRange {
			return network + "-" + ipRange, nil
		}
	}
	return "", nil
}

func (p *parts) serverNetwork(ctx context.Context, server, network string) (string, error) {
	s, err := once(ctx, p.servers, server, p.client.Server.GetByID)
	if s == nil || err != nil {
		return "", err
	}
	for _, n := range s.PrivateNet {
		if n.Network != nil && strconv.FormatInt(n.Network.ID, 10) == network {
			return server + "-" + network, nil
		}
	}
	return "", nil
}

func (p *parts) balancerNetwork(ctx context.Context, balancer, network string) (string, error) {
	lb, err := once(ctx, p.balancers, balancer, p.client.LoadBalancer.GetByID)
	if lb == nil || err != nil {
		return "", err
	}
	for _, n := range lb.PrivateNet {
		if n.Network != nil && strconv.FormatInt(n.Network.ID, 10) == network {
			return balancer + "-" + network, nil
		}
	}
	return "", nil
}

func (p *parts) service(ctx context.Context, balancer string, port int) (string, error) {
	lb, err := once(ctx, p.balancers, balancer, p.client.LoadBalancer.GetByID)
	if lb == nil || err != nil {
		return "", err
	}
	if slices.ContainsFunc(lb.Services, func(s hcloud.LoadBalancerService) bool { return s.ListenPort == port }) {
		return balancer + "__" + strconv.Itoa(port), nil
	}
	return "", nil
}

func (p *parts) target(ctx context.Context, balancer, kind string, server func() string, after map[string]any) (string, error) {
	lb, err := once(ctx, p.balancers, balancer, p.client.LoadBalancer.GetByID)
	if lb == nil || err != nil {
		return "", err
	}
	var want string
	switch kind {
	case "server":
		want = server()
	case "label_selector":
		want = textOf(after["label_selector"])
	case "ip":
		want = textOf(after["ip"])
	}
	for _, t := range lb.Targets {
		var is string
		switch {
		case t.Server != nil && t.Server.Server != nil:
			is = strconv.FormatInt(t.Server.Server.ID, 10)
		case t.LabelSelector != nil:
			is = t.LabelSelector.Selector
		case t.IP != nil:
			is = t.IP.IP
		}
		if string(t.Type) == kind && want != "" && (is == want || sameIP(is, want)) {
			return fmt.Sprintf("%s__%s__%s", balancer, kind, want), nil
		}
	}
	return "", nil
}

func sameIP(a, b string) bool {
	x, y := net.ParseIP(a), net.ParseIP(b)
	return x != nil && y != nil && x.Equal(y)
}

// once reads a parent and remembers it; an id that is not known is nil.
func once[T any](ctx context.Context, cache map[string]*T, id string, get func(context.Context, int64) (*T, *hcloud.Response, error)) (*T, error) {
	if v, ok := cache[id]; ok || id == "" {
		return v, nil
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, nil // not an id of this provider
	}
	v, _, err := get(ctx, number)
	if err == nil {
		cache[id] = v
	}
	return v, err
}

// created are the changes that would make something new.
func created(plan *tfjson.Plan) []*tfjson.ResourceChange {
	var out []*tfjson.ResourceChange
	for _, c := range plan.ResourceChanges {
		if c.Mode == tfjson.ManagedResourceMode && c.Change != nil && c.Change.Actions.Create() {
			out = append(out, c)
		}
	}
	return out
}

// existing are the ids of what the state knows, by address.
func existing(plan *tfjson.Plan) map[string]string {
	ids := map[string]string{}
	for _, c := range plan.ResourceChanges {
		if c.Change == nil {
			continue
		}
		if id := textOf(mapOf(c.Change.Before)["id"]); id != "" {
			ids[c.Address] = id
		}
	}
	return ids
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Wrap(err, fault.Unavailable, "the cloud's API cannot be asked what the interrupted run made")
}
