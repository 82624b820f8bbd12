package simulator

import (
	"net/http"
	"net/netip"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

const maxSubnets = 50

// view is the network as the API shows it.
func (n *network) view(p *project) schema.Network {
	out := schema.Network{
		ID: n.ID, Name: n.Name, Created: n.Created, IPRange: n.IPRange, Protection: n.Protection, Labels: n.Labels,
		Subnets: append([]schema.NetworkSubnet{}, n.Subnets...), Routes: append([]schema.NetworkRoute{}, n.Routes...),
		Servers: []int64{}, LoadBalancers: []int64{}, ExposeRoutesToVSwitch: n.Expose,
	}
	for _, s := range sorted(p.Servers) {
		if s.attachedTo(n.ID) != nil {
			out.Servers = append(out.Servers, s.ID)
		}
	}
	for _, lb := range sorted(p.LoadBalancers) {
		if lb.attachedTo(n.ID) {
			out.LoadBalancers = append(out.LoadBalancers, lb.ID)
		}
	}
	return out
}

func listNetworks(c *call) (reply, error) {
	var items []item
	for _, n := range sorted(c.p.Networks) {
		items = append(items, item{id: n.ID, name: n.Name, created: n.Created, labels: n.Labels, view: n.view(c.p)})
	}
	return c.list("networks", items)
}

func (c *call) network() (*network, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.Networks, id, "network")
}

func getNetwork(c *call) (reply, error) {
	n, err := c.network()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.NetworkGetResponse{Network: n.view(c.p)}), nil
}

func createNetwork(c *call) (reply, error) {
	in, err := decode[schema.NetworkCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.Networks, networkName, 0, "network", in.Name); err != nil {
		return reply{}, err
	}
	if _, err := privateIPv4Prefix("ip_range", in.IPRange, 24); err != nil {
		return reply{}, err
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	if len(c.p.Networks) >= c.sim.limit("networks") {
		return reply{}, overLimit("network_limit")
	}
	n := &network{ID: c.p.newID(), Name: in.Name, Created: c.now, IPRange: in.IPRange, Labels: labels, Expose: in.ExposeRoutesToVSwitch}
	for _, subnet := range in.Subnets {
		checked, err := c.subnet(n, subnet)
		if err != nil {
			return reply{}, err
		}
		n.Subnets = append(n.Subnets, checked)
	}
	for _, route := range in.Routes {
		if err := n.checkRoute(route); err != nil {
			return reply{}, err
		}
		n.Routes = append(n.Routes, route)
	}
	c.p.Networks[n.ID] = n
	c.created = n.Name
	return created(schema.NetworkCreateResponse{Network: n.view(c.p)}), nil
}

func updateNetwork(c *call) (reply, error) {
	n, err := c.network()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := checkName(c.p.Networks, networkName, n.ID, "network", in.Name); err != nil {
			return reply{}, err
		}
		n.Name = in.Name
	}
	if n.Labels, err = labelsOf(in.Labels, n.Labels); err != nil {
		return reply{}, err
	}
	if in.ExposeRoutesToVSwitch != nil {
		n.Expose = *in.ExposeRoutesToVSwitch
	}
	return ok(schema.NetworkUpdateResponse{Network: n.view(c.p)}), nil
}

// deleteNetwork deletes a network; what is attached is detached, as in the
// real cloud.
func deleteNetwork(c *call) (reply, error) {
	n, err := c.network()
	if err != nil {
		return reply{}, err
	}
	if n.Protection.Delete {
		return reply{}, protected("network")
	}
	if c.p.busy("network", n.ID) {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeConflict, "another action is running on the network")
	}
	for _, lb := range c.p.LoadBalancers {
		c.p.detachLoadBalancer(lb, n.ID)
	}
	for _, s := range c.p.Servers {
		c.p.detachServer(s, n.ID)
	}
	delete(c.p.Networks, n.ID)
	return noContent(), nil
}

// subnet checks a subnet that is to be added, and chooses its range if none is
// given.
func (c *call) subnet(n *network, in schema.NetworkSubnet) (schema.NetworkSubnet, error) {
	if !slices.Contains([]string{"cloud", "server", "vswitch"}, in.Type) {
		return in, invalid("type", "the type is cloud, server or vswitch")
	}
	if in.Type == "vswitch" && in.VSwitchID == 0 {
		return in, invalid("vswitch_id", "a vswitch subnet needs the id of its vSwitch")
	}
	if !c.sim.cat.hasZone(in.NetworkZone) {
		return in, invalid("network_zone", "network zone does not exist")
	}
	if len(n.Subnets) >= maxSubnets {
		return in, overLimit("network_subnet_limit")
	}
	whole := netip.MustParsePrefix(n.IPRange)
	if in.IPRange == "" {
		free, err := n.freeSubnet()
		if err != nil {
			return in, err
		}
		in.IPRange = free.String()
	}
	prefix, err := privateIPv4Prefix("ip_range", in.IPRange, 30)
	if err != nil {
		return in, err
	}
	if !whole.Contains(prefix.Addr()) || prefix.Bits() < whole.Bits() {
		return in, invalid("ip_range", "the subnet is not inside the network's range %s", n.IPRange)
	}
	for _, other := range n.Subnets {
		if netip.MustParsePrefix(other.IPRange).Overlaps(prefix) {
			return in, invalid("ip_range", "the subnet overlaps with %s", other.IPRange)
		}
	}
	in.Gateway = whole.Addr().Next().String()
	return in, nil
}

// freeSubnet is the first /24 of the network that overlaps with no subnet.
func (n *network) freeSubnet() (netip.Prefix, error) {
	whole := netip.MustParsePrefix(n.IPRange)
	for at := whole.Addr(); whole.Contains(at); {
		prefix := netip.PrefixFrom(at, 24)
		if !slices.ContainsFunc(n.Subnets, func(s schema.NetworkSubnet) bool {
			return netip.MustParsePrefix(s.IPRange).Overlaps(prefix)
		}) {
			return prefix, nil
		}
		at = lastOf(prefix).Next()
	}
	return netip.Prefix{}, refuse(http.StatusConflict, hcloud.ErrorCodeNoSubnetAvailable, "the network has no room for another /24")
}

// alone gives the network of the path, or a conflict while an action changes
// its layout; clients try again.
func (c *call) alone() (*network, error) {
	n, err := c.network()
	if err != nil {
		return nil, err
	}
	if c.p.busy("network", n.ID, "add_subnet", "delete_subnet", "add_route", "delete_route", "change_ip_range") {
		return nil, refuse(http.StatusConflict, hcloud.ErrorCodeConflict, "another action is running on the network")
	}
	return n, nil
}

func addSubnet(c *call) (reply, error) {
	n, err := c.alone()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkActionAddSubnetRequest](c)
	if err != nil {
		return reply{}, err
	}
	subnet, err := c.subnet(n, schema.NetworkSubnet{Type: in.Type, IPRange: in.IPRange, NetworkZone: in.NetworkZone, VSwitchID: in.VSwitchID})
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("add_subnet", 1, change{Subnet: &subnet}, ref("network", n.ID))), nil
}

func deleteSubnet(c *call) (reply, error) {
	n, err := c.alone()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkActionDeleteSubnetRequest](c)
	if err != nil {
		return reply{}, err
	}
	if !slices.ContainsFunc(n.Subnets, func(s schema.NetworkSubnet) bool { return s.IPRange == in.IPRange }) {
		return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "the network has no subnet %s", cut(in.IPRange, 40))
	}
	prefix := netip.MustParsePrefix(in.IPRange)
	for a := range c.p.privateIPs(n.ID) {
		if prefix.Contains(a) {
			return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServiceError, "cannot remove subnet because servers are attached to it")
		}
	}
	return c.action(c.begin("delete_subnet", 1, change{IPRange: in.IPRange}, ref("network", n.ID))), nil
}

func (n *network) checkRoute(r schema.NetworkRoute) error {
	if _, err := netip.ParsePrefix(r.Destination); err != nil {
		return invalid("destination", "an IPv4 range in CIDR notation is needed")
	}
	gateway, err := netip.ParseAddr(r.Gateway)
	if err != nil || !netip.MustParsePrefix(n.IPRange).Contains(gateway) {
		return invalid("gateway", "an address inside the network's range %s is needed", n.IPRange)
	}
	if slices.ContainsFunc(n.Routes, func(o schema.NetworkRoute) bool { return o.Destination == r.Destination }) {
		return invalid("destination", "the network already has a route to %s", r.Destination)
	}
	return nil
}

func addRoute(c *call) (reply, error) {
	n, err := c.alone()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkRoute](c)
	if err != nil {
		return reply{}, err
	}
	if err := n.checkRoute(in); err != nil {
		return reply{}, err
	}
	return c.action(c.begin("add_route", 1, change{Route: &in}, ref("network", n.ID))), nil
}

func deleteRoute(c *call) (reply, error) {
	n, err := c.alone()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkRoute](c)
	if err != nil {
		return reply{}, err
	}
	if !slices.Contains(n.Routes, in) {
		return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "the network has no such route")
	}
	return c.action(c.begin("delete_route", 1, change{Route: &in}, ref("network", n.ID))), nil
}

func changeIPRange(c *call) (reply, error) {
	n, err := c.alone()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkActionChangeIPRangeRequest](c)
	if err != nil {
		return reply{}, err
	}
	prefix, err := privateIPv4Prefix("ip_range", in.IPRange, 24)
	if err != nil {
		return reply{}, err
	}
	if old := netip.MustParsePrefix(n.IPRange); !prefix.Contains(old.Addr()) || prefix.Bits() > old.Bits() {
		return reply{}, invalid("ip_range", "a network can only grow; the new range must contain %s", n.IPRange)
	}
	return c.action(c.begin("change_ip_range", 1, change{IPRange: in.IPRange}, ref("network", n.ID))), nil
}

func changeNetworkProtection(c *call) (reply, error) {
	n, err := c.network()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.NetworkActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("change_protection", 0.5, change{Protected: in.Delete}, ref("network", n.ID))), nil
}

// applyNetwork makes the change of an operation on a network.
func (p *project) applyNetwork(n *network, o *operation) {
	switch ch := o.Change; o.Action.Command {
	case "add_subnet":
		n.Subnets = append(n.Subnets, *ch.Subnet)
	case "delete_subnet":
		n.Subnets = without(n.Subnets, func(s schema.NetworkSubnet) bool { return s.IPRange == ch.IPRange })
	case "add_route":
		n.Routes = append(n.Routes, *ch.Route)
	case "delete_route":
		n.Routes = without(n.Routes, func(r schema.NetworkRoute) bool { return r == *ch.Route })
	case "change_ip_range":
		n.IPRange = ch.IPRange
	case "change_protection":
		if ch.Protected != nil {
			n.Protection.Delete = *ch.Protected
		}
	}
}
