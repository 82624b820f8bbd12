package simulator

import (
	"net/http"
	"net/netip"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// publicIP is the public address of a server, "ipv4" or "ipv6", or empty.
func (p *project) publicIP(server int64, kind string) string {
	for _, ip := range p.PrimaryIPs {
		if ip.AssigneeID != nil && *ip.AssigneeID == server && ip.Type == kind {
			return ip.IP
		}
	}
	return ""
}

// newPrimaryIP makes an address with a name of its own.
func (c *call) newPrimaryIP(kind, location string) (*schema.PrimaryIP, error) {
	if len(c.p.PrimaryIPs) >= c.sim.limit("primaryIps") {
		return nil, overLimit("primary_ip_limit")
	}
	l, _ := c.sim.cat.location(location)
	ip := &schema.PrimaryIP{ID: c.p.newID(), Type: kind, Labels: map[string]string{}, AssigneeType: "server", Created: c.now, Location: l, DNSPtr: []schema.PrimaryIPDNSPTR{}}
	ip.Name = "primary_ip-" + itoa(ip.ID)
	if kind == "ipv4" {
		address, err := c.p.newPublicIPv4()
		if err != nil {
			return nil, err
		}
		ip.IP = address
		ip.DNSPtr = []schema.PrimaryIPDNSPTR{{IP: address, DNSPtr: reverseName(address)}}
	} else {
		ip.IP = c.p.newPublicIPv6()
	}
	c.p.PrimaryIPs[ip.ID] = ip
	return ip, nil
}

// reverseName is the name that an address has before anybody gives it one.
func reverseName(address string) string {
	return "static." + address + ".simulated.invalid"
}

// checkAssignable checks that a primary IP may be given to a server.
func (p *project) checkAssignable(id int64, kind, location string) error {
	ip := p.PrimaryIPs[id]
	switch {
	case ip == nil:
		return notFound("primary_ip", id)
	case ip.Type != kind:
		return refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodePrimaryIPVersionMismatch, "primary IP '%d' is not %s", id, kind)
	case ip.AssigneeID != nil:
		return refuse(http.StatusConflict, hcloud.ErrorCodePrimaryIPAlreadyAssigned, "primary IP '%d' is already assigned", id)
	case ip.Location.Name != location:
		return refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodePrimaryIPDatacenterMismatch, "primary IP '%d' is in another location", id)
	}
	return nil
}

func listPrimaryIPs(c *call) (reply, error) {
	address := c.r.URL.Query().Get("ip")
	var items []item
	for _, ip := range sorted(c.p.PrimaryIPs) {
		if address == "" || ip.IP == address {
			items = append(items, item{id: ip.ID, name: ip.Name, created: ip.Created, labels: ip.Labels, view: ip})
		}
	}
	return c.list("primary_ips", items)
}

func (c *call) primaryIP() (*schema.PrimaryIP, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.PrimaryIPs, id, "primary_ip")
}

func getPrimaryIP(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.PrimaryIPGetResponse{PrimaryIP: *ip}), nil
}

func createPrimaryIP(c *call) (reply, error) {
	in, err := decode[schema.PrimaryIPCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.PrimaryIPs, primaryIPName, 0, "primary IP", in.Name); err != nil {
		return reply{}, err
	}
	if in.Type != "ipv4" && in.Type != "ipv6" {
		return reply{}, invalid("type", "the type is ipv4 or ipv6")
	}
	if in.AssigneeType != "" && in.AssigneeType != "server" {
		return reply{}, invalid("assignee_type", "the assignee type is server")
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	if in.AssigneeID != nil {
		s, err := c.assignee(*in.AssigneeID, in.Type)
		if err != nil {
			return reply{}, err
		}
		in.Location = s.Location
	}
	if _, found := c.sim.cat.location(in.Location); !found {
		return reply{}, invalid("location", "location does not exist")
	}
	ip, err := c.newPrimaryIP(in.Type, in.Location)
	if err != nil {
		return reply{}, err
	}
	ip.Name, ip.Labels = in.Name, labels
	if in.AutoDelete != nil {
		ip.AutoDelete = *in.AutoDelete
	}
	out := schema.PrimaryIPCreateResponse{PrimaryIP: *ip}
	if in.AssigneeID != nil {
		a := c.begin("create_primary_ip", 1, change{Server: *in.AssigneeID}, ref("primary_ip", ip.ID), ref("server", *in.AssigneeID)).view(c.now)
		out.Action = &a
	}
	c.created = ip.Name
	return created(out), nil
}

// assignee checks that a server may get an address: it is off, as the real
// cloud wants, and has none of the kind.
func (c *call) assignee(id int64, kind string) (*server, error) {
	s, err := find(c.p.Servers, id, "server")
	if err != nil {
		return nil, err
	}
	if c.p.locked(id) {
		return nil, refuse(http.StatusLocked, hcloud.ErrorCodeLocked, "server is locked")
	}
	if s.Status != string(hcloud.ServerStatusOff) {
		return nil, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServerNotStopped, "the server must be off to get a primary IP")
	}
	if c.p.publicIP(id, kind) != "" {
		code := hcloud.ErrorCodeServerHasIPv4
		if kind == "ipv6" {
			code = hcloud.ErrorCodeServerHasIPv6
		}
		return nil, refuse(http.StatusConflict, code, "the server already has an %s address", kind)
	}
	return s, nil
}

func updatePrimaryIP(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.PrimaryIPUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := checkName(c.p.PrimaryIPs, primaryIPName, ip.ID, "primary IP", in.Name); err != nil {
			return reply{}, err
		}
		ip.Name = in.Name
	}
	if ip.Labels, err = labelsOf(in.Labels, ip.Labels); err != nil {
		return reply{}, err
	}
	if in.AutoDelete != nil {
		ip.AutoDelete = *in.AutoDelete
	}
	return ok(schema.PrimaryIPUpdateResponse{PrimaryIP: *ip}), nil
}

func deletePrimaryIP(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	if ip.Protection.Delete {
		return reply{}, protected("primary IP")
	}
	if ip.AssigneeID != nil || c.p.busy("primary_ip", ip.ID) {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeResourceInUse, "primary IP with ID '%d' must be unassigned", ip.ID)
	}
	delete(c.p.PrimaryIPs, ip.ID)
	return noContent(), nil
}

func assignPrimaryIP(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.PrimaryIPActionAssignRequest](c)
	if err != nil {
		return reply{}, err
	}
	s, err := c.assignee(in.AssigneeID, ip.Type)
	if err != nil {
		return reply{}, err
	}
	if err := c.p.checkAssignable(ip.ID, ip.Type, s.Location); err != nil {
		return reply{}, err
	}
	return c.action(c.begin("assign_primary_ip", 1, change{Server: s.ID}, ref("primary_ip", ip.ID), ref("server", s.ID))), nil
}

func unassignPrimaryIP(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	if ip.AssigneeID == nil {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeInvalidInput, "primary IP with ID '%d' is not assigned", ip.ID)
	}
	if s := c.p.Servers[*ip.AssigneeID]; s != nil && s.Status != string(hcloud.ServerStatusOff) {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServerNotStopped, "the server must be off to lose a primary IP")
	}
	return c.action(c.begin("unassign_primary_ip", 1, change{}, ref("primary_ip", ip.ID), ref("server", *ip.AssigneeID))), nil
}

func changePrimaryIPDNSPtr(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.PrimaryIPActionChangeDNSPtrRequest](c)
	if err != nil {
		return reply{}, err
	}
	if !owns(ip.IP, in.IP) {
		return reply{}, invalid("ip", "the address does not belong to this primary IP")
	}
	ip.DNSPtr = setDNSPtr(ip.DNSPtr, in.IP, in.DNSPtr)
	return c.action(c.begin("change_dns_ptr", 0.5, change{}, ref("primary_ip", ip.ID))), nil
}

// owns reports whether an address is the one given out, or in the /64.
func owns(given, asked string) bool {
	g, err1 := netip.ParseAddr(given)
	a, err2 := netip.ParseAddr(asked)
	if err1 != nil || err2 != nil {
		return false
	}
	return g == a || g.Is6() && netip.PrefixFrom(g, 64).Contains(a)
}

// setDNSPtr replaces the reverse name of an address; nil takes it back to the
// one that it had at first.
func setDNSPtr(list []schema.PrimaryIPDNSPTR, ip string, name *string) []schema.PrimaryIPDNSPTR {
	list = without(list, func(e schema.PrimaryIPDNSPTR) bool { return e.IP == ip })
	if name == nil {
		a, err := netip.ParseAddr(ip)
		if err != nil || !a.Is4() {
			return list
		}
		first := reverseName(ip)
		name = &first
	}
	list = append(list, schema.PrimaryIPDNSPTR{IP: ip, DNSPtr: *name})
	slices.SortFunc(list, func(a, b schema.PrimaryIPDNSPTR) int { return slices.Compare([]byte(a.IP), []byte(b.IP)) })
	return list
}

func changePrimaryIPProtection(c *call) (reply, error) {
	ip, err := c.primaryIP()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.PrimaryIPActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("change_protection", 0.5, change{Protected: &in.Delete}, ref("primary_ip", ip.ID))), nil
}

// applyPrimaryIP makes the change of an operation on a primary IP.
func (p *project) applyPrimaryIP(ip *schema.PrimaryIP, o *operation) {
	switch ch := o.Change; o.Action.Command {
	case "create_primary_ip", "assign_primary_ip":
		if p.Servers[ch.Server] != nil {
			ip.AssigneeID = &ch.Server
		}
	case "unassign_primary_ip":
		ip.AssigneeID = nil
	case "change_protection":
		if ch.Protected != nil {
			ip.Protection.Delete = *ch.Protected
		}
	}
}
