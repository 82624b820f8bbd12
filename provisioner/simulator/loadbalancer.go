package simulator

import (
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

func (lb *loadBalancer) attachedTo(network int64) bool {
	for _, n := range lb.PrivateNet {
		if n.Network == network {
			return true
		}
	}
	return false
}

// targets reports whether a server is a target, directly or by label.
func (lb *loadBalancer) targets(p *project, s *server) bool {
	for _, t := range lb.Targets {
		switch t.Type {
		case "server":
			if t.Server.ID == s.ID {
				return true
			}
		case "label_selector":
			for _, other := range p.selected(t.LabelSelector.Selector) {
				if other.ID == s.ID {
					return true
				}
			}
		}
	}
	return false
}

// view is the load balancer as the API shows it: a target is healthy while its
// server runs.
func (lb *loadBalancer) view(c *call) schema.LoadBalancer {
	location, _ := c.sim.cat.location(lb.Location)
	// A type that the catalogue no longer has leaves its name.
	t, err := c.sim.cat.loadBalancerType(schema.IDOrName{Name: lb.Type})
	if err != nil {
		t = loadBalancerType{Name: lb.Type}
	}
	out := schema.LoadBalancer{
		ID: lb.ID, Name: lb.Name, Created: lb.Created, PublicNet: lb.PublicNet, Location: location, LoadBalancerType: c.sim.cat.loadBalancerTypeView(t),
		Protection: lb.Protection, Labels: lb.Labels, Algorithm: schema.LoadBalancerAlgorithm{Type: lb.Algorithm}, IncludedTraffic: 20 * terabyte,
		PrivateNet: append([]schema.LoadBalancerPrivateNet{}, lb.PrivateNet...), Services: append([]schema.LoadBalancerService{}, lb.Services...),
		Targets: []schema.LoadBalancerTarget{},
	}
	for _, t := range lb.Targets {
		switch t.Type {
		case "server":
			t.HealthStatus = lb.health(c.p.Servers[t.Server.ID])
		case "label_selector":
			for _, s := range c.p.selected(t.LabelSelector.Selector) {
				t.Targets = append(t.Targets, schema.LoadBalancerTarget{
					Type: "server", Server: &schema.LoadBalancerTargetServer{ID: s.ID}, UsePrivateIP: t.UsePrivateIP, HealthStatus: lb.health(s),
				})
			}
		default:
			t.HealthStatus = lb.health(nil)
		}
		out.Targets = append(out.Targets, t)
	}
	return out
}

// health is the state of a target at each service; nil is a target that the
// cloud does not run.
func (lb *loadBalancer) health(s *server) []schema.LoadBalancerTargetHealthStatus {
	status := "unknown"
	if s != nil {
		status = "unhealthy"
		if s.Status == string(hcloud.ServerStatusRunning) {
			status = "healthy"
		}
	}
	out := []schema.LoadBalancerTargetHealthStatus{}
	for _, service := range lb.Services {
		out = append(out, schema.LoadBalancerTargetHealthStatus{ListenPort: service.ListenPort, Status: status})
	}
	return out
}

func listLoadBalancers(c *call) (reply, error) {
	var items []item
	for _, lb := range sorted(c.p.LoadBalancers) {
		items = append(items, item{id: lb.ID, name: lb.Name, created: lb.Created, labels: lb.Labels, view: lb.view(c)})
	}
	return c.list("load_balancers", items)
}

func (c *call) loadBalancer() (*loadBalancer, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.LoadBalancers, id, "load_balancer")
}

func getLoadBalancer(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.LoadBalancerGetResponse{LoadBalancer: lb.view(c)}), nil
}

// place chooses the location of a new load balancer: the one that is named, or
// the first of the network zone.
func (c *call) place(in schema.LoadBalancerCreateRequest) (string, error) {
	switch {
	case in.Location != nil && in.NetworkZone != nil:
		return "", invalid("network_zone", "name a location or a network zone, not both")
	case in.Location != nil:
		if _, found := c.sim.cat.location(*in.Location); !found {
			return "", invalid("location", "location does not exist")
		}
		return *in.Location, nil
	case in.NetworkZone != nil:
		for _, l := range c.sim.cat.Locations {
			if l.NetworkZone == *in.NetworkZone {
				return l.Name, nil
			}
		}
		return "", invalid("network_zone", "network zone does not exist")
	default:
		return "", invalid("location", "a location or a network zone is needed")
	}
}

func createLoadBalancer(c *call) (reply, error) {
	in, err := decode[schema.LoadBalancerCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.LoadBalancers, loadBalancerName, 0, "load balancer", in.Name); err != nil {
		return reply{}, err
	}
	t, err := c.sim.cat.loadBalancerType(in.LoadBalancerType)
	if err != nil {
		return reply{}, err
	}
	location, err := c.place(in)
	if err != nil {
		return reply{}, err
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	algorithm := "round_robin"
	if in.Algorithm != nil && in.Algorithm.Type != "" {
		algorithm = in.Algorithm.Type
	}
	if err := checkAlgorithm(algorithm); err != nil {
		return reply{}, err
	}
	if len(c.p.LoadBalancers) >= c.sim.limit("loadBalancers") {
		return reply{}, overLimit("load_balancer_limit")
	}
	lb := &loadBalancer{ID: c.p.newID(), Name: in.Name, Created: c.now, Type: t.Name, Location: location, Labels: labels, Algorithm: algorithm}
	if lb.PublicNet.IPv4.IP, err = c.p.newPublicIPv4(); err != nil {
		return reply{}, err
	}
	lb.PublicNet.Enabled = in.PublicInterface == nil || *in.PublicInterface
	lb.PublicNet.IPv4.DNSPtr = reverseName(lb.PublicNet.IPv4.IP)
	lb.PublicNet.IPv6.IP = c.p.newPublicIPv6() + "1"
	c.p.LoadBalancers[lb.ID] = lb
	if err := c.furnish(lb, in); err != nil {
		return reply{}, err
	}
	o := c.begin("create_load_balancer", 3.5, change{}, ref("load_balancer", lb.ID))
	c.created = lb.Name
	return created(schema.LoadBalancerCreateResponse{LoadBalancer: lb.view(c), Action: o.view(c.now)}), nil
}

// furnish gives a new load balancer the network, services and targets that the
// same request asked for.
func (c *call) furnish(lb *loadBalancer, in schema.LoadBalancerCreateRequest) error {
	if in.Network != nil {
		n, err := find(c.p.Networks, *in.Network, "network")
		if err != nil {
			return err
		}
		address, err := c.p.privateIP(n, c.sim.cat.zone(lb.Location), nil, nil)
		if err != nil {
			return err
		}
		lb.PrivateNet = []schema.LoadBalancerPrivateNet{{Network: n.ID, IP: address}}
	}
	for _, s := range in.Services {
		service, err := c.newService(lb, schema.LoadBalancerActionAddServiceRequest{
			Protocol: s.Protocol, ListenPort: s.ListenPort, DestinationPort: s.DestinationPort, Proxyprotocol: s.Proxyprotocol,
			HTTP:        (*schema.LoadBalancerActionAddServiceRequestHTTP)(s.HTTP),
			HealthCheck: healthCheckOf(s.HealthCheck),
		})
		if err != nil {
			return err
		}
		lb.Services = append(lb.Services, service)
	}
	for _, t := range in.Targets {
		target, err := c.newTarget(lb, schema.LoadBalancerActionAddTargetRequest{
			Type: t.Type, UsePrivateIP: t.UsePrivateIP,
			Server:        (*schema.LoadBalancerActionAddTargetRequestServer)(t.Server),
			LabelSelector: (*schema.LoadBalancerActionAddTargetRequestLabelSelector)(t.LabelSelector),
			IP:            (*schema.LoadBalancerActionAddTargetRequestIP)(t.IP),
		})
		if err != nil {
			return err
		}
		lb.Targets = append(lb.Targets, target)
	}
	return nil
}

// healthCheckOf turns the health check of a creation into that of a later
// request; the two differ in their type only.
func healthCheckOf(in *schema.LoadBalancerCreateRequestServiceHealthCheck) *schema.LoadBalancerActionAddServiceRequestHealthCheck {
	if in == nil {
		return nil
	}
	return &schema.LoadBalancerActionAddServiceRequestHealthCheck{
		Protocol: in.Protocol, Port: in.Port, Interval: in.Interval, Timeout: in.Timeout, Retries: in.Retries,
		HTTP: (*schema.LoadBalancerActionAddServiceRequestHealthCheckHTTP)(in.HTTP),
	}
}

func checkAlgorithm(algorithm string) error {
	if algorithm != "round_robin" && algorithm != "least_connections" {
		return invalid("algorithm", "the algorithm is round_robin or least_connections")
	}
	return nil
}

func updateLoadBalancer(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.LoadBalancerUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != nil && *in.Name != "" {
		if err := checkName(c.p.LoadBalancers, loadBalancerName, lb.ID, "load balancer", *in.Name); err != nil {
			return reply{}, err
		}
		lb.Name = *in.Name
	}
	if lb.Labels, err = labelsOf(in.Labels, lb.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.LoadBalancerUpdateResponse{LoadBalancer: lb.view(c)}), nil
}

func deleteLoadBalancer(c *call) (reply, error) {
	lb, err := c.loadBalancer()
	if err != nil {
		return reply{}, err
	}
	if lb.Protection.Delete {
		return reply{}, protected("load balancer")
	}
	if c.p.busy("load_balancer", lb.ID, "create_load_balancer") {
		return reply{}, refuse(http.StatusLocked, hcloud.ErrorCodeLocked, "load balancer is locked")
	}
	delete(c.p.LoadBalancers, lb.ID)
	return noContent(), nil
}

// detachLoadBalancer takes a load balancer out of a network, and with it the
// targets that it reaches there.
func (p *project) detachLoadBalancer(lb *loadBalancer, network int64) {
	if !lb.attachedTo(network) {
		return
	}
	lb.PrivateNet = without(lb.PrivateNet, func(n schema.LoadBalancerPrivateNet) bool { return n.Network == network })
	lb.Targets = without(lb.Targets, func(t schema.LoadBalancerTarget) bool { return t.UsePrivateIP })
}

// applyLoadBalancer makes the change of an operation on a load balancer.
func (p *project) applyLoadBalancer(lb *loadBalancer, o *operation) {
	ch := o.Change
	switch o.Action.Command {
	case "add_service":
		lb.Services = append(without(lb.Services, onPort(ch.Service.ListenPort)), *ch.Service)
	case "update_service":
		for i := range lb.Services {
			if lb.Services[i].ListenPort == ch.Port {
				lb.Services[i] = *ch.Service
			}
		}
	case "delete_service":
		lb.Services = without(lb.Services, onPort(ch.Port))
	case "add_target":
		gone := ch.Target.Type == "server" && p.Servers[ch.Target.Server.ID] == nil
		if !gone && !lb.has(*ch.Target) {
			lb.Targets = append(lb.Targets, *ch.Target)
		}
	case "remove_target":
		lb.Targets = without(lb.Targets, func(t schema.LoadBalancerTarget) bool { return sameTarget(t, *ch.Target) })
	case "attach_to_network":
		if p.Networks[ch.Network] != nil && len(lb.PrivateNet) == 0 {
			lb.PrivateNet = []schema.LoadBalancerPrivateNet{{Network: ch.Network, IP: ch.IP}}
		}
	case "detach_from_network":
		p.detachLoadBalancer(lb, ch.Network)
	case "change_algorithm":
		lb.Algorithm = ch.Type
	case "change_load_balancer_type":
		lb.Type = ch.Type
	case "enable_public_interface", "disable_public_interface":
		lb.PublicNet.Enabled = ch.Enabled
	case "change_dns_ptr":
		lb.setDNSPtr(ch.IP, ch.Text)
	case "change_protection":
		if ch.Protected != nil {
			lb.Protection.Delete = *ch.Protected
		}
	}
}
