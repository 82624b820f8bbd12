package simulator

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// maxUserData is the largest user_data in bytes.
const maxUserData = 32768

// hostName is what a server may be called.
var hostName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)

// view is the server as the API shows it.
func (s *server) view(c *call) schema.Server {
	p, cat := c.p, c.sim.cat
	location, _ := cat.location(s.Location)
	out := schema.Server{
		ID: s.ID, Name: s.Name, Status: s.Status, Created: s.Created, Location: location, Labels: s.Labels, Protection: s.Protection,
		BackupWindow: s.BackupWindow, RescueEnabled: s.RescueEnabled, PrimaryDiskSize: s.PrimaryDiskSize, Locked: p.locked(s.ID),
		PrivateNet: append([]schema.ServerPrivateNet{}, s.PrivateNet...), Volumes: []int64{}, LoadBalancers: []int64{},
	}
	// A type that the catalogue no longer has leaves its name.
	t, err := cat.serverType(schema.IDOrName{Name: s.Type})
	if err != nil {
		t = ServerType{Name: s.Type}
	}
	out.ServerType, out.IncludedTraffic = c.serverTypeView(t), t.traffic()
	for _, m := range cat.Images {
		if m.ID == s.Image {
			view := m.view()
			out.Image = &view
		}
	}
	if g := p.PlacementGroups[s.PlacementGroup]; g != nil {
		view := p.placementGroupView(g)
		out.PlacementGroup = &view
	}
	for _, v := range sorted(p.Volumes) {
		if v.Server != nil && *v.Server == s.ID {
			out.Volumes = append(out.Volumes, v.ID)
		}
	}
	for _, lb := range sorted(p.LoadBalancers) {
		if lb.targets(p, s) {
			out.LoadBalancers = append(out.LoadBalancers, lb.ID)
		}
	}
	out.PublicNet = p.publicNet(s)
	return out
}

// publicNet are the public addresses and the firewalls of a server.
func (p *project) publicNet(s *server) schema.ServerPublicNet {
	out := schema.ServerPublicNet{FloatingIPs: []int64{}, Firewalls: p.firewallsOf(s)}
	for _, ip := range sorted(p.PrimaryIPs) {
		if ip.AssigneeID == nil || *ip.AssigneeID != s.ID {
			continue
		}
		if ip.Type == "ipv4" {
			out.IPv4 = schema.ServerPublicNetIPv4{ID: ip.ID, IP: ip.IP}
			for _, ptr := range ip.DNSPtr {
				out.IPv4.DNSPtr = ptr.DNSPtr
			}
			continue
		}
		out.IPv6 = schema.ServerPublicNetIPv6{ID: ip.ID, IP: ip.IP, DNSPtr: []schema.ServerPublicNetIPv6DNSPtr{}}
		for _, ptr := range ip.DNSPtr {
			out.IPv6.DNSPtr = append(out.IPv6.DNSPtr, schema.ServerPublicNetIPv6DNSPtr{IP: ptr.IP, DNSPtr: ptr.DNSPtr})
		}
	}
	for _, ip := range sorted(p.FloatingIPs) {
		if ip.Server != nil && *ip.Server == s.ID {
			out.FloatingIPs = append(out.FloatingIPs, ip.ID)
		}
	}
	return out
}

// wire is the view with null, as the API has it, where the server has no
// public address of a family.
func wire(s schema.Server) any {
	var public struct {
		schema.ServerPublicNet
		IPv4 *schema.ServerPublicNetIPv4 `json:"ipv4"`
		IPv6 *schema.ServerPublicNetIPv6 `json:"ipv6"`
	}
	public.ServerPublicNet = s.PublicNet
	if s.PublicNet.IPv4.ID != 0 {
		public.IPv4 = &s.PublicNet.IPv4
	}
	if s.PublicNet.IPv6.ID != 0 {
		public.IPv6 = &s.PublicNet.IPv6
	}
	return struct {
		schema.Server
		PublicNet any `json:"public_net"`
	}{s, public}
}

// attachedTo is the private interface in a network, nil if there is none.
func (s *server) attachedTo(network int64) *schema.ServerPrivateNet {
	for i := range s.PrivateNet {
		if s.PrivateNet[i].Network == network {
			return &s.PrivateNet[i]
		}
	}
	return nil
}

func listServers(c *call) (reply, error) {
	states := c.r.URL.Query()["status"]
	var items []item
	for _, s := range sorted(c.p.Servers) {
		if len(states) == 0 || slices.Contains(states, s.Status) {
			items = append(items, item{id: s.ID, name: s.Name, status: s.Status, created: s.Created, labels: s.Labels, view: wire(s.view(c))})
		}
	}
	return c.list("servers", items)
}

// server is the one of the path.
func (c *call) server() (*server, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.Servers, id, "server")
}

func getServer(c *call) (reply, error) {
	s, err := c.server()
	if err != nil {
		return reply{}, err
	}
	return ok(map[string]any{"server": wire(s.view(c))}), nil
}

// checkServerName applies the rules for host names.
func (c *call) checkServerName(self int64, name string) error {
	if len(name) > 253 || !hostName.MatchString(name) {
		return invalid("name", "a valid host name is needed")
	}
	return checkName(c.p.Servers, serverName, self, "server", name)
}

// order is a request for a server with everything in it looked up.
type order struct {
	in       schema.ServerCreateRequest
	kind     ServerType
	image    image
	location string
	labels   map[string]string
	public   schema.ServerCreatePublicNet
	networks map[int64]string // network to the address there
}

// checkOrder applies every rule that a new server has to meet.
func (c *call) checkOrder(in schema.ServerCreateRequest) (order, error) {
	o := order{in: in, location: in.Location, networks: map[int64]string{}, public: schema.ServerCreatePublicNet{EnableIPv4: true, EnableIPv6: true}}
	if err := c.checkServerName(0, in.Name); err != nil {
		return o, err
	}
	var err error
	if o.kind, err = c.sim.cat.serverType(in.ServerType); err != nil {
		return o, err
	}
	if o.image, err = c.sim.cat.image(in.Image, o.kind.Architecture); err != nil {
		return o, err
	}
	if o.labels, err = checkLabels(in.Labels); err != nil {
		return o, err
	}
	if len(in.UserData) > maxUserData {
		return o, invalid("user_data", "user_data is %d bytes; at most %d are allowed", len(in.UserData), maxUserData)
	}
	if len(c.p.Servers) >= c.sim.limit("servers") {
		return o, overLimit("server_limit")
	}
	if o.location == "" {
		// Without a wish the cloud chooses: the first place that has the type.
		for _, l := range c.sim.cat.Locations {
			if o.location == "" && c.inStock(o.kind, l.Name) {
				o.location = l.Name
			}
		}
	}
	if _, found := c.sim.cat.location(o.location); !found {
		return o, invalid("location", "location does not exist")
	}
	if err := c.checkStock(o.kind, o.location); err != nil {
		return o, err
	}
	if in.PublicNet != nil {
		o.public = *in.PublicNet
	}
	return o, c.checkReferences(&o)
}

// checkReferences looks up what a new server refers to.
func (c *call) checkReferences(o *order) error {
	for _, id := range o.in.SSHKeys {
		if c.p.SSHKeys[id] == nil {
			return notFound("ssh_key", id)
		}
	}
	for _, f := range o.in.Firewalls {
		if c.p.Firewalls[f.Firewall] == nil {
			return notFound("firewall", f.Firewall)
		}
	}
	if o.in.PlacementGroup != 0 {
		if err := c.p.roomIn(o.in.PlacementGroup); err != nil {
			return err
		}
	}
	for kind, id := range map[string]int64{"ipv4": o.public.IPv4ID, "ipv6": o.public.IPv6ID} {
		if id == 0 {
			continue
		}
		if err := c.p.checkAssignable(id, kind, o.location); err != nil {
			return err
		}
	}
	for _, id := range o.in.Volumes {
		v := c.p.Volumes[id]
		if v == nil {
			return notFound("volume", id)
		}
		if v.Location.Name != o.location {
			return invalid("volumes", "volume %d is in another location", id)
		}
		if v.Server != nil {
			return refuse(http.StatusConflict, hcloud.ErrorCodeVolumeAlreadyAttached, "volume with ID '%d' is already attached", id)
		}
	}
	if len(o.in.Networks) > maxServerNetworks {
		return overLimit("server_network_limit")
	}
	for _, id := range o.in.Networks {
		n := c.p.Networks[id]
		if n == nil {
			return notFound("network", id)
		}
		address, err := c.p.privateIP(n, c.sim.cat.zone(o.location), nil, nil)
		if err != nil {
			return err
		}
		o.networks[id] = address
	}
	return nil
}

// createServer makes a server: it exists at once as initializing, is made,
// attached to its networks, and then started.
func createServer(c *call) (reply, error) {
	in, err := decode[schema.ServerCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	o, err := c.checkOrder(in)
	if err != nil {
		return reply{}, err
	}
	s := &server{
		ID: c.p.newID(), Name: in.Name, Status: string(hcloud.ServerStatusInitializing), Created: c.now, Type: o.kind.Name, Location: o.location,
		Image: o.image.ID, Labels: o.labels, PlacementGroup: in.PlacementGroup, PrimaryDiskSize: o.kind.DiskGB,
	}
	// A request that was rolled back may have left a file under this id.
	c.sim.store.dropUserData(s.ID)
	if in.UserData != "" {
		if err := c.sim.store.putUserData(s.ID, in.UserData); err != nil {
			return reply{}, err
		}
	}
	c.p.Servers[s.ID] = s
	if err := c.givePublicIPs(s, o.public); err != nil {
		return reply{}, err
	}
	create := c.begin("create_server", 9, change{Server: s.ID}, ref("server", s.ID))
	last, next := create, []*operation{}
	for _, f := range in.Firewalls {
		r := schema.FirewallResource{Type: "server", Server: &schema.FirewallResourceServer{ID: s.ID}}
		if firewall := c.p.Firewalls[f.Firewall]; !appliesTo(firewall, r) {
			firewall.AppliedTo = append(firewall.AppliedTo, r)
		}
	}
	for _, id := range in.Networks {
		last = c.beginAfter(last, "attach_to_network", 1.5, change{Network: id, IP: o.networks[id]}, ref("server", s.ID), ref("network", id))
		next = append(next, last)
	}
	for _, id := range in.Volumes {
		last = c.beginAfter(last, "attach_volume", 1.5, change{Server: s.ID}, ref("volume", id), ref("server", s.ID))
		next = append(next, last)
	}
	if in.StartAfterCreate == nil || *in.StartAfterCreate {
		next = append(next, c.beginAfter(last, "start_server", 5, change{PowerOn: true}, ref("server", s.ID)))
	}
	var password any
	if len(in.SSHKeys) == 0 {
		// A machine behind the simulator takes no logins; the field is there
		// because clients expect it of a server without keys.
		password = "simulated-no-login"
	}
	c.created = s.Name
	return created(map[string]any{
		"server": wire(s.view(c)), "action": create.view(c.now), "next_actions": c.actions(next), "root_password": password,
	}), nil
}

// givePublicIPs assigns the primary IPs that were named and makes the others.
func (c *call) givePublicIPs(s *server, public schema.ServerCreatePublicNet) error {
	give := func(kind string, id int64) error {
		if ip := c.p.PrimaryIPs[id]; ip != nil {
			ip.AssigneeID = &s.ID
			return nil
		}
		ip, err := c.newPrimaryIP(kind, s.Location)
		if err != nil {
			return err
		}
		ip.AutoDelete, ip.AssigneeID = true, &s.ID
		return nil
	}
	if public.EnableIPv4 {
		if err := give("ipv4", public.IPv4ID); err != nil {
			return err
		}
	}
	if public.EnableIPv6 {
		return give("ipv6", public.IPv6ID)
	}
	return nil
}

func updateServer(c *call) (reply, error) {
	s, err := c.server()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := c.checkServerName(s.ID, in.Name); err != nil {
			return reply{}, err
		}
		s.Name = in.Name
	}
	if s.Labels, err = labelsOf(in.Labels, s.Labels); err != nil {
		return reply{}, err
	}
	return ok(map[string]any{"server": wire(s.view(c))}), nil
}

func deleteServer(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	if s.Protection.Delete {
		return reply{}, protected("server")
	}
	s.Status = string(hcloud.ServerStatusDeleting)
	o := c.begin("delete_server", 2, change{}, ref("server", s.ID))
	return ok(schema.ServerDeleteResponse{Action: o.view(c.now)}), nil
}

// dropServer removes a server and every reference to it.
func (p *project) dropServer(s *server) {
	for _, f := range p.Firewalls {
		f.AppliedTo = without(f.AppliedTo, func(r schema.FirewallResource) bool { return r.Type == "server" && r.Server.ID == s.ID })
	}
	for _, lb := range p.LoadBalancers {
		lb.Targets = without(lb.Targets, func(t schema.LoadBalancerTarget) bool { return t.Type == "server" && t.Server.ID == s.ID })
	}
	for id, ip := range p.PrimaryIPs {
		if ip.AssigneeID != nil && *ip.AssigneeID == s.ID {
			ip.AssigneeID = nil
			if ip.AutoDelete {
				delete(p.PrimaryIPs, id)
			}
		}
	}
	for _, ip := range p.FloatingIPs {
		if ip.Server != nil && *ip.Server == s.ID {
			ip.Server = nil
		}
	}
	for _, v := range p.Volumes {
		if v.Server != nil && *v.Server == s.ID {
			v.Server = nil
		}
	}
	delete(p.Servers, s.ID)
	p.Removals = append(p.Removals, s.ID)
}
