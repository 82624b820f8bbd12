package simulator

import (
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

func listFloatingIPs(c *call) (reply, error) {
	var items []item
	for _, ip := range sorted(c.p.FloatingIPs) {
		items = append(items, item{id: ip.ID, name: ip.Name, created: ip.Created, labels: ip.Labels, view: ip})
	}
	return c.list("floating_ips", items)
}

func (c *call) floatingIP() (*schema.FloatingIP, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.FloatingIPs, id, "floating_ip")
}

func getFloatingIP(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.FloatingIPGetResponse{FloatingIP: *ip}), nil
}

func createFloatingIP(c *call) (reply, error) {
	in, err := decode[schema.FloatingIPCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Type != "ipv4" && in.Type != "ipv6" {
		return reply{}, invalid("type", "the type is ipv4 or ipv6")
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	if len(c.p.FloatingIPs) >= c.sim.limit("floatingIps") {
		return reply{}, overLimit("floating_ip_limit")
	}
	home := ""
	if in.HomeLocation != nil {
		home = *in.HomeLocation
	}
	if in.Server != nil {
		s, err := find(c.p.Servers, *in.Server, "server")
		if err != nil {
			return reply{}, err
		}
		if home == "" {
			home = s.Location
		}
	}
	location, found := c.sim.cat.location(home)
	if !found {
		return reply{}, invalid("home_location", "location does not exist")
	}
	ip := &schema.FloatingIP{ID: c.p.newID(), Description: in.Description, Created: c.now, Type: in.Type, HomeLocation: location, Labels: labels, DNSPtr: []schema.FloatingIPDNSPtr{}}
	ip.Name = "floating-ip-" + itoa(ip.ID)
	if in.Name != nil && *in.Name != "" {
		ip.Name = *in.Name
	}
	if err := checkName(c.p.FloatingIPs, floatingIPName, 0, "floating IP", ip.Name); err != nil {
		return reply{}, err
	}
	if in.Type == "ipv6" {
		ip.IP = c.p.newPublicIPv6()
	} else {
		if ip.IP, err = c.p.newPublicIPv4(); err != nil {
			return reply{}, err
		}
		ip.DNSPtr = []schema.FloatingIPDNSPtr{{IP: ip.IP, DNSPtr: reverseName(ip.IP)}}
	}
	c.p.FloatingIPs[ip.ID] = ip
	out := schema.FloatingIPCreateResponse{FloatingIP: *ip}
	if in.Server != nil {
		a := c.begin("assign_floating_ip", 1, change{Server: *in.Server}, ref("floating_ip", ip.ID)).view(c.now)
		out.Action = &a
	}
	c.created = ip.Name
	return created(out), nil
}

func updateFloatingIP(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FloatingIPUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := checkName(c.p.FloatingIPs, floatingIPName, ip.ID, "floating IP", in.Name); err != nil {
			return reply{}, err
		}
		ip.Name = in.Name
	}
	if in.Description != "" {
		ip.Description = &in.Description
	}
	if ip.Labels, err = labelsOf(in.Labels, ip.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.FloatingIPUpdateResponse{FloatingIP: *ip}), nil
}

func deleteFloatingIP(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	if ip.Protection.Delete {
		return reply{}, protected("floating IP")
	}
	delete(c.p.FloatingIPs, ip.ID)
	return noContent(), nil
}

func assignFloatingIP(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FloatingIPActionAssignRequest](c)
	if err != nil {
		return reply{}, err
	}
	s, err := find(c.p.Servers, in.Server, "server")
	if err != nil {
		return reply{}, err
	}
	if c.sim.cat.zone(s.Location) != ip.HomeLocation.NetworkZone {
		return reply{}, invalid("server", "the server is in another network zone than the floating IP")
	}
	return c.action(c.queue("floating_ip", ip.ID, "assign_floating_ip", 1, change{Server: s.ID})), nil
}

func unassignFloatingIP(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	if ip.Server == nil {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeInvalidInput, "floating IP with ID '%d' is not assigned", ip.ID)
	}
	return c.action(c.queue("floating_ip", ip.ID, "unassign_floating_ip", 1, change{})), nil
}

func changeFloatingIPDNSPtr(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FloatingIPActionChangeDNSPtrRequest](c)
	if err != nil {
		return reply{}, err
	}
	if !owns(ip.IP, in.IP) {
		return reply{}, invalid("ip", "the address does not belong to this floating IP")
	}
	var list []schema.PrimaryIPDNSPTR
	for _, e := range ip.DNSPtr {
		list = append(list, schema.PrimaryIPDNSPTR{IP: e.IP, DNSPtr: e.DNSPtr})
	}
	ip.DNSPtr = []schema.FloatingIPDNSPtr{}
	for _, e := range setDNSPtr(list, in.IP, in.DNSPtr) {
		ip.DNSPtr = append(ip.DNSPtr, schema.FloatingIPDNSPtr{IP: e.IP, DNSPtr: e.DNSPtr})
	}
	return c.action(c.begin("change_dns_ptr", 0.5, change{}, ref("floating_ip", ip.ID))), nil
}

func changeFloatingIPProtection(c *call) (reply, error) {
	ip, err := c.floatingIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FloatingIPActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("change_protection", 0.5, change{Protected: in.Delete}, ref("floating_ip", ip.ID))), nil
}

// applyFloatingIP makes the change of an operation on a floating IP.
func (p *project) applyFloatingIP(ip *schema.FloatingIP, o *operation) {
	switch ch := o.Change; o.Action.Command {
	case "assign_floating_ip":
		if p.Servers[ch.Server] != nil {
			ip.Server = &ch.Server
		}
	case "unassign_floating_ip":
		ip.Server = nil
	case "change_protection":
		if ch.Protected != nil {
			ip.Protection.Delete = *ch.Protected
		}
	}
}
