package simulator

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

const maxServerNetworks = 3

// locked reports whether an operation has the server for itself. What a load
// balancer or a firewall does leaves it free.
func (p *project) locked(server int64) bool {
	for _, o := range p.Operations {
		if o.Action.Status == running && o.refers("server", server) &&
			!o.refersKind("load_balancer") && !o.refersKind("firewall") {
			return true
		}
	}
	return false
}

func (o *operation) refersKind(kind string) bool {
	return slices.ContainsFunc(o.Action.Resources, func(r schema.ActionResourceReference) bool { return r.Type == kind })
}

// unlocked is the server of the path, or 423 while another action has it.
func (c *call) unlocked() (*server, error) {
	s, err := c.server()
	if err != nil {
		return nil, err
	}
	if c.p.locked(s.ID) {
		return nil, refuse(http.StatusLocked, hcloud.ErrorCodeLocked, "server is locked")
	}
	return s, nil
}

// act starts an operation on the server of the path.
func (c *call) act(command string, seconds float64, ch change) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin(command, seconds, ch, ref("server", s.ID))), nil
}

func powerOn(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	if s.Status == string(hcloud.ServerStatusOff) {
		s.Status = string(hcloud.ServerStatusStarting)
	}
	return c.act("start_server", 5, change{PowerOn: true})
}

func powerOff(command string, seconds float64) handler {
	return func(c *call) (reply, error) {
		s, err := c.unlocked()
		if err != nil {
			return reply{}, err
		}
		if s.Status == string(hcloud.ServerStatusRunning) {
			s.Status = string(hcloud.ServerStatusStopping)
		}
		return c.act(command, seconds, change{})
	}
}

func restart(command string, seconds float64) handler {
	return func(c *call) (reply, error) { return c.act(command, seconds, change{PowerOn: true}) }
}

func changeServerType(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionChangeTypeRequest](c)
	if err != nil {
		return reply{}, err
	}
	t, err := c.sim.cat.serverType(in.ServerType)
	if err != nil {
		return reply{}, err
	}
	if s.Status != string(hcloud.ServerStatusOff) {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServerNotStopped, "the server must be off to change its type")
	}
	before, err := c.sim.cat.serverType(schema.IDOrName{Name: s.Type})
	if err == nil && before.Architecture != t.Architecture || t.Name == s.Type || t.DiskGB < s.PrimaryDiskSize {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeInvalidServerType,
			"the server cannot become a %s: same architecture, another type and no smaller disk are needed", t.Name)
	}
	if err := c.checkStock(t, s.Location); err != nil {
		return reply{}, err
	}
	s.Status = string(hcloud.ServerStatusMigrating)
	ch := change{Type: t.Name, PowerOn: true}
	if in.UpgradeDisk {
		ch.Size = t.DiskGB
	}
	return c.action(c.begin("change_server_type", 15, ch, ref("server", s.ID))), nil
}

func attachServer(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionAttachToNetworkRequest](c)
	if err != nil {
		return reply{}, err
	}
	n, err := find(c.p.Networks, in.Network, "network")
	if err != nil {
		return reply{}, err
	}
	if s.attachedTo(n.ID) != nil {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeServerAlreadyAttached, "server is already attached to this network")
	}
	if len(s.PrivateNet) >= maxServerNetworks {
		return reply{}, overLimit("server_network_limit")
	}
	for _, other := range s.PrivateNet {
		if o := c.p.Networks[other.Network]; o != nil && netip.MustParsePrefix(o.IPRange).Overlaps(netip.MustParsePrefix(n.IPRange)) {
			return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeNetworksOverlap, "the network overlaps with another one of the server")
		}
	}
	address, err := c.p.privateIP(n, c.sim.cat.zone(s.Location), in.IP, in.IPRange)
	if err != nil {
		return reply{}, err
	}
	ch := change{Network: n.ID, IP: address}
	var aliases []string
	for _, alias := range in.AliasIPs {
		if alias != nil {
			aliases = append(aliases, *alias)
		}
	}
	if ch.AliasIPs, err = c.p.checkAliases(n, s, address, aliases); err != nil {
		return reply{}, err
	}
	return c.action(c.begin("attach_to_network", 1.5, ch, ref("server", s.ID), ref("network", n.ID))), nil
}

// checkAliases checks that alias addresses are in a subnet and free, or the
// server's own.
func (p *project) checkAliases(n *network, s *server, own string, aliases []string) ([]string, error) {
	used := p.privateIPs(n.ID)
	var mine []string
	if a := s.attachedTo(n.ID); a != nil {
		mine = a.AliasIPs
	}
	out := []string{}
	for _, text := range aliases {
		a, err := netip.ParseAddr(text)
		inside := err == nil && slices.ContainsFunc(n.Subnets, func(x schema.NetworkSubnet) bool { return netip.MustParsePrefix(x.IPRange).Contains(a) })
		if !inside {
			return nil, invalid("alias_ips", "%q is in no subnet of the network", cut(text, 40))
		}
		if a.String() == own || slices.Contains(out, a.String()) || (used[a] && !slices.Contains(mine, a.String())) {
			return nil, refuse(http.StatusConflict, hcloud.ErrorCodeIPNotAvailable, "IP not available")
		}
		out = append(out, a.String())
	}
	return out, nil
}

func detachServer(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionDetachFromNetworkRequest](c)
	if err != nil {
		return reply{}, err
	}
	if s.attachedTo(in.Network) == nil {
		return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "server is not attached to network with ID '%d'", in.Network)
	}
	return c.action(c.begin("detach_from_network", 1.5, change{Network: in.Network}, ref("server", s.ID), ref("network", in.Network))), nil
}

func changeAliasIPs(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionChangeAliasIPsRequest](c)
	if err != nil {
		return reply{}, err
	}
	n, err := find(c.p.Networks, in.Network, "network")
	if err != nil {
		return reply{}, err
	}
	own := s.attachedTo(n.ID)
	if own == nil {
		return reply{}, refuse(http.StatusNotFound, hcloud.ErrorCodeNotFound, "server is not attached to network with ID '%d'", n.ID)
	}
	aliases, err := c.p.checkAliases(n, s, own.IP, in.AliasIPs)
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("change_alias_ips", 1, change{Network: n.ID, AliasIPs: aliases}, ref("server", s.ID), ref("network", n.ID))), nil
}

func switchBackup(on bool) handler {
	command := "disable_backup"
	if on {
		command = "enable_backup"
	}
	return func(c *call) (reply, error) { return c.act(command, 1, change{Enabled: on}) }
}

func enableRescue(c *call) (reply, error) {
	answer, err := c.act("enable_rescue", 1, change{Enabled: true})
	if err != nil {
		return reply{}, err
	}
	out := schema.ServerActionEnableRescueResponse{RootPassword: "simulated-no-login"}
	if a, isAction := answer.body.(schema.ActionGetResponse); isAction {
		out.Action = a.Action
	}
	return created(out), nil
}

func disableRescue(c *call) (reply, error) { return c.act("disable_rescue", 1, change{}) }

func rebuildServer(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionRebuildRequest](c)
	if err != nil {
		return reply{}, err
	}
	if s.Protection.Rebuild {
		return reply{}, protected("server")
	}
	t, err := c.sim.cat.serverType(schema.IDOrName{Name: s.Type})
	if err != nil {
		return reply{}, err
	}
	m, err := c.sim.cat.image(in.Image, t.Architecture)
	if err != nil {
		return reply{}, err
	}
	s.Status = string(hcloud.ServerStatusRebuilding)
	return c.action(c.begin("rebuild_server", 12, change{Image: m.ID, PowerOn: true}, ref("server", s.ID))), nil
}

func changeServerProtection(c *call) (reply, error) {
	in, err := decode[schema.ServerActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.act("change_protection", 0.5, change{Protected: in.Delete, Rebuild: in.Rebuild})
}

// changeServerDNSPtr sets the reverse name of one of the server's addresses.
func changeServerDNSPtr(c *call) (reply, error) {
	s, err := c.server()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionChangeDNSPtrRequest](c)
	if err != nil {
		return reply{}, err
	}
	for _, ip := range c.p.PrimaryIPs {
		if ip.AssigneeID != nil && *ip.AssigneeID == s.ID && owns(ip.IP, in.IP) {
			ip.DNSPtr = setDNSPtr(ip.DNSPtr, in.IP, in.DNSPtr)
			return c.action(c.begin("change_dns_ptr", 0.5, change{}, ref("server", s.ID))), nil
		}
	}
	return reply{}, invalid("ip", "the address is not the server's")
}

func addToPlacementGroup(c *call) (reply, error) {
	s, err := c.unlocked()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.ServerActionAddToPlacementGroupRequest](c)
	if err != nil {
		return reply{}, err
	}
	if s.Status != string(hcloud.ServerStatusOff) {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeServerNotStopped, "the server must be off to join a placement group")
	}
	if s.PlacementGroup != 0 {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeServerAlreadyAdded, "the server is already in a placement group")
	}
	if err := c.p.roomIn(in.PlacementGroup); err != nil {
		return reply{}, err
	}
	return c.action(c.begin("add_to_placement_group", 1, change{GroupID: in.PlacementGroup}, ref("server", s.ID))), nil
}

func removeFromPlacementGroup(c *call) (reply, error) {
	return c.act("remove_from_placement_group", 1, change{})
}

// applyServer makes the change of an operation on a server.
func (p *project) applyServer(s *server, o *operation) {
	ch := o.Change
	switch o.Action.Command {
	case "create_server":
		s.Status = string(hcloud.ServerStatusOff)
	case "stop_server", "shutdown_server":
		s.Status = string(hcloud.ServerStatusOff)
	case "delete_server":
		p.dropServer(s)
		return
	case "change_server_type":
		s.Type = ch.Type
		if ch.Size > 0 {
			s.PrimaryDiskSize = ch.Size
		}
	case "rebuild_server":
		s.Image = ch.Image
	case "attach_to_network":
		if p.Networks[ch.Network] != nil && s.attachedTo(ch.Network) == nil {
			s.PrivateNet = append(s.PrivateNet, schema.ServerPrivateNet{
				Network: ch.Network, IP: ch.IP, AliasIPs: append([]string{}, ch.AliasIPs...), MACAddress: macAddress(s.ID, len(s.PrivateNet)),
			})
		}
	case "detach_from_network":
		p.detachServer(s, ch.Network)
	case "change_alias_ips":
		if n := s.attachedTo(ch.Network); n != nil {
			n.AliasIPs = append([]string{}, ch.AliasIPs...)
		}
	case "enable_backup", "disable_backup":
		s.BackupWindow = nil
		if ch.Enabled {
			window := "22-02"
			s.BackupWindow = &window
		}
	case "enable_rescue", "disable_rescue":
		s.RescueEnabled = ch.Enabled
	case "change_protection":
		if ch.Protected != nil {
			s.Protection.Delete = *ch.Protected
		}
		if ch.Rebuild != nil {
			s.Protection.Rebuild = *ch.Rebuild
		}
	case "add_to_placement_group":
		if p.PlacementGroups[ch.GroupID] != nil {
			s.PlacementGroup = ch.GroupID
		}
	case "remove_from_placement_group":
		s.PlacementGroup = 0
	}
	if ch.PowerOn {
		s.Status = string(hcloud.ServerStatusRunning)
		if s.Boot == notBooted {
			s.Boot = booting
		}
	}
}

// detachServer takes a server out of a network, and with it the targets that
// reach it there.
func (p *project) detachServer(s *server, network int64) {
	if s.attachedTo(network) == nil {
		return
	}
	s.PrivateNet = without(s.PrivateNet, func(n schema.ServerPrivateNet) bool { return n.Network == network })
	for _, lb := range p.LoadBalancers {
		if lb.attachedTo(network) {
			lb.Targets = without(lb.Targets, func(t schema.LoadBalancerTarget) bool {
				return t.Type == "server" && t.Server.ID == s.ID && t.UsePrivateIP
			})
		}
	}
}

// macAddress is the address of a server's nth private interface.
func macAddress(server int64, nth int) string {
	return fmt.Sprintf("86:00:%02x:%02x:%02x:%02x", byte(server>>16), byte(server>>8), byte(server), byte(nth))
}
