package simulator

import (
	"net/http"
	"net/netip"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// onLB starts an operation behind those that run on the load balancer.
func (c *call) onLB(lb *loadBalancer, command string, seconds float64, ch change) reply {
	return c.action(c.queue("load_balancer", lb.ID, command, seconds, ch))
}

// typeOf is the type of a load balancer, with its limits.
func (c *call) typeOf(lb *loadBalancer) loadBalancerType {
	// A stored type was in the catalogue; one that left it has no limits left.
	t, _ := c.sim.cat.loadBalancerType(schema.IDOrName{Name: lb.Type})
	return t
}

// targetOf makes the target that an add or a remove names.
func targetOf(in schema.LoadBalancerActionAddTargetRequest) (schema.LoadBalancerTarget, error) {
	t := schema.LoadBalancerTarget{Type: in.Type, UsePrivateIP: in.UsePrivateIP != nil && *in.UsePrivateIP}
	switch {
	case in.Type == "server" && in.Server != nil:
		t.Server = &schema.LoadBalancerTargetServer{ID: in.Server.ID}
	case in.Type == "label_selector" && in.LabelSelector != nil:
		if _, err := parseSelector(in.LabelSelector.Selector); err != nil {
			return t, err
		}
		t.LabelSelector = &schema.LoadBalancerTargetLabelSelector{Selector: in.LabelSelector.Selector}
	case in.Type == "ip" && in.IP != nil:
		if _, err := netip.ParseAddr(in.IP.IP); err != nil {
			return t, invalid("ip", "an IP address is needed")
		}
		t.IP = &schema.LoadBalancerTargetIP{IP: in.IP.IP}
	default:
		return t, invalid("type", "the type is server, label_selector or ip, with the object of that name")
	}
	return t, nil
}

func sameTarget(a, b schema.LoadBalancerTarget) bool {
	switch {
	case a.Type != b.Type:
		return false
	case a.Type == "server":
		return a.Server.ID == b.Server.ID
	case a.Type == "label_selector":
		return a.LabelSelector.Selector == b.LabelSelector.Selector
	default:
		return a.IP.IP == b.IP.IP
	}
}

func (lb *loadBalancer) has(t schema.LoadBalancerTarget) bool {
	for _, other := range lb.Targets {
		if sameTarget(other, t) {
			return true
		}
	}
	return false
}

// newTarget checks a target that is to be added.
func (c *call) newTarget(lb *loadBalancer, in schema.LoadBalancerActionAddTargetRequest) (schema.LoadBalancerTarget, error) {
	t, err := targetOf(in)
	if err != nil {
		return t, err
	}
	if lb.has(t) || c.pending(lb, func(o *operation) bool { return o.Action.Command == "add_target" && sameTarget(*o.Change.Target, t) }) {
		return t, refuse(http.StatusConflict, hcloud.ErrorCodeTargetAlreadyDefined, "target already defined")
	}
	if len(lb.Targets) >= c.typeOf(lb).MaxTargets {
		return t, overLimit("load_balancer_target_limit")
	}
	if t.Type == "ip" && t.UsePrivateIP {
		return t, invalid("use_private_ip", "an IP target has no private IP")
	}
	if t.UsePrivateIP && len(lb.PrivateNet) == 0 {
		return t, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeLoadBalancerNotAttachedToNetwork, "load balancer is not attached to a network")
	}
	if t.Type != "server" {
		return t, nil
	}
	s, err := find(c.p.Servers, t.Server.ID, "server")
	if err != nil {
		return t, err
	}
	if t.UsePrivateIP && s.attachedTo(lb.PrivateNet[0].Network) == nil {
		return t, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServerNotAttachedToNetwork, "server is not attached to the network of the load balancer")
	}
	if !t.UsePrivateIP && c.p.publicIP(s.ID, "ipv4") == "" {
		return t, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeMissingIPv4, "server has no public IPv4 address")
	}
	return t, nil
}

// pending reports whether a running operation of the load balancer is such.
func (c *call) pending(lb *loadBalancer, such func(*operation) bool) bool {
	for _, o := range c.p.Operations {
		if o.Action.Status == running && o.refers("load_balancer", lb.ID) && such(o) {
			return true
		}
	}
	return false
}

func addTarget(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionAddTargetRequest](c)
	if err != nil {
		return reply{}, err
	}
	t, err := c.newTarget(lb, in)
	if err != nil {
		return reply{}, err
	}
	ch := change{Target: &t}
	if t.Server != nil {
		ch.Server = t.Server.ID
	}
	return c.onLB(lb, "add_target", 1, ch), nil
}

func removeTarget(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionAddTargetRequest](c)
	if err != nil {
		return reply{}, err
	}
	t, err := targetOf(in)
	if err != nil {
		return reply{}, err
	}
	if !lb.has(t) {
		return reply{}, refuse(http.StatusNotFound, "load_balancer_target_not_found", "load balancer target not found")
	}
	return c.onLB(lb, "remove_target", 1, change{Target: &t}), nil
}

func attachLoadBalancer(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionAttachToNetworkRequest](c)
	if err != nil {
		return reply{}, err
	}
	n, err := find(c.p.Networks, in.Network, "network")
	if err != nil {
		return reply{}, err
	}
	if len(lb.PrivateNet) > 0 || c.pending(lb, func(o *operation) bool { return o.Action.Command == "attach_to_network" }) {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeLoadBalancerAlreadyAttached, "load balancer is already attached to a network")
	}
	address, err := c.p.privateIP(n, c.sim.cat.zone(lb.Location), in.IP, in.IPRange)
	if err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "attach_to_network", 1.5, change{Network: n.ID, IP: address}), nil
}

func detachLoadBalancer(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionDetachFromNetworkRequest](c)
	if err != nil {
		return reply{}, err
	}
	if !lb.attachedTo(in.Network) {
		return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "load balancer is not attached to network with ID '%d'", in.Network)
	}
	return c.onLB(lb, "detach_from_network", 1.5, change{Network: in.Network}), nil
}

func changeAlgorithm(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionChangeAlgorithmRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkAlgorithm(in.Type); err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "change_algorithm", 1, change{Type: in.Type}), nil
}

func changeLoadBalancerType(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionChangeTypeRequest](c)
	if err != nil {
		return reply{}, err
	}
	t, err := c.sim.cat.loadBalancerType(in.LoadBalancerType)
	if err != nil {
		return reply{}, err
	}
	if t.Name == lb.Type || len(lb.Services) > t.MaxServices || len(lb.Targets) > t.MaxTargets {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeInvalidLoadBalancerType, "load balancer type %s does not fit", t.Name)
	}
	return c.onLB(lb, "change_load_balancer_type", 3, change{Type: t.Name}), nil
}

func changeLoadBalancerProtection(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.onLB(lb, "change_protection", 0.5, change{Protected: in.Delete}), nil
}

func switchPublicInterface(on bool) handler {
	command := "disable_public_interface"
	if on {
		command = "enable_public_interface"
	}
	return func(c *call) (reply, error) {
		lb, err := c.loadBalancer()
		if err != nil {
			return reply{}, err
		}
		for _, t := range lb.Targets {
			if !on && !t.UsePrivateIP {
				return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeTargetsWithoutUsePrivateIP, "load balancer has targets that use their public IP")
			}
		}
		return c.onLB(lb, command, 1, change{Enabled: on}), nil
	}
}

func changeLoadBalancerDNSPtr(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerActionChangeDNSPtrRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.IP != lb.PublicNet.IPv4.IP && in.IP != lb.PublicNet.IPv6.IP {
		return reply{}, invalid("ip", "the address is not the load balancer's")
	}
	return c.onLB(lb, "change_dns_ptr", 0.5, change{IP: in.IP, Text: in.DNSPtr}), nil
}

func (lb *loadBalancer) setDNSPtr(ip string, name *string) {
	text := ""
	if name != nil {
		text = *name
	}
	switch ip {
	case lb.PublicNet.IPv4.IP:
		if name == nil {
			text = reverseName(ip)
		}
		lb.PublicNet.IPv4.DNSPtr = text
	case lb.PublicNet.IPv6.IP:
		lb.PublicNet.IPv6.DNSPtr = text
	}
}
