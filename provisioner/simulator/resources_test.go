package simulator_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/provisioner/simulator"
)

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPP5Ns0VtNwAGx3rVTqsM3DPDZvgFHOKYX8Yb5eRAy9 someone"

func cidr(text string) *net.IPNet {
	_, n, err := net.ParseCIDR(text)
	if err != nil {
		panic(err)
	}
	return n
}

// network makes a network with one subnet in the European zone.
func (c *cloud) network(name string) *hcloud.Network {
	c.t.Helper()
	return got[*hcloud.Network](c.t)(c.Network.Create(c.t.Context(), hcloud.NetworkCreateOpts{
		Name: name, IPRange: cidr("10.0.0.0/16"),
		Subnets: []hcloud.NetworkSubnet{{Type: hcloud.NetworkSubnetTypeCloud, IPRange: cidr("10.0.1.0/24"), NetworkZone: hcloud.NetworkZoneEUCentral}},
	}))
}

func TestServerLife(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	s := c.server("cp1", func(o *hcloud.ServerCreateOpts) {
		o.Labels = map[string]string{"catalyst.openova.io/role": "control-plane"}
		o.UserData = "#cloud-config\n"
	})
	if s.Status != hcloud.ServerStatusRunning || s.ServerType.Name != "cpx22" || s.Image.Name != "ubuntu-24.04" || s.Location.Name != "hel1" {
		t.Fatalf("unexpected server: %+v", s)
	}
	if a, _ := netip.AddrFromSlice(s.PublicNet.IPv4.IP.To4()); !netip.MustParsePrefix("127.64.0.0/10").Contains(a) {
		t.Errorf("the public address %s is not in 127.64.0.0/10", a)
	}
	action := got[*hcloud.Action](t)(c.Server.Poweroff(ctx, s))
	c.wait(action)
	c.wait(got[*hcloud.Action](t)(c.Server.ChangeType(ctx, s, hcloud.ServerChangeTypeOpts{ServerType: &hcloud.ServerType{Name: "cpx32"}, UpgradeDisk: true})))
	s = got[*hcloud.Server](t)(c.Server.Get(ctx, "cp1"))
	if s.ServerType.Name != "cpx32" || s.PrimaryDiskSize != 160 || s.Status != hcloud.ServerStatusRunning {
		t.Errorf("after the change of type: %s, %d GB, %s", s.ServerType.Name, s.PrimaryDiskSize, s.Status)
	}
	c.wait(got[*hcloud.Action](t)(c.Server.Reboot(ctx, s)))
	c.wait(got[*hcloud.Action](t)(c.Server.Shutdown(ctx, s)))
	c.wait(got[*hcloud.Action](t)(c.Server.Poweron(ctx, s)))
	c.wait(got[*hcloud.Action](t)(c.Server.EnableBackup(ctx, s, "")))
	c.wait(got[*hcloud.Action](t)(c.Server.Rebuild(ctx, s, hcloud.ServerRebuildOpts{Image: &hcloud.Image{Name: "debian-12"}})))
	renamed := got[*hcloud.Server](t)(c.Server.Update(ctx, s, hcloud.ServerUpdateOpts{Name: "cp-1"}))
	if renamed.Name != "cp-1" || renamed.BackupWindow == "" || renamed.Image.Name != "debian-12" {
		t.Errorf("after the update: %+v", renamed)
	}
	on := true
	c.wait(got[*hcloud.Action](t)(c.Server.ChangeProtection(ctx, s, hcloud.ServerChangeProtectionOpts{Delete: &on, Rebuild: &on})))
	_, _, err := c.Server.DeleteWithResult(ctx, s)
	refused(t, err, hcloud.ErrorCodeProtected)
	off := false
	c.wait(got[*hcloud.Action](t)(c.Server.ChangeProtection(ctx, s, hcloud.ServerChangeProtectionOpts{Delete: &off, Rebuild: &off})))
	c.wait(got[*hcloud.ServerDeleteResult](t)(c.Server.DeleteWithResult(ctx, s)).Action)
	if left := c.leftovers(); left != "" {
		t.Errorf("left over:\n%s", left)
	}
}

func TestPrivateAddresses(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	n := c.network("net")
	result := got[hcloud.LoadBalancerCreateResult](t)(c.LoadBalancer.Create(ctx, hcloud.LoadBalancerCreateOpts{
		Name: "lb", LoadBalancerType: &hcloud.LoadBalancerType{Name: "lb11"}, Location: &hcloud.Location{Name: "hel1"},
	}))
	c.wait(result.Action)
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.AttachToNetwork(ctx, result.LoadBalancer, hcloud.LoadBalancerAttachToNetworkOpts{Network: n})))
	lb := got[*hcloud.LoadBalancer](t)(c.LoadBalancer.GetByID(ctx, result.LoadBalancer.ID))
	if ip := lb.PrivateNet[0].IP.String(); ip != "10.0.1.2" {
		t.Errorf("the load balancer took %s, not the lowest free address", ip)
	}
	s := c.server("cp1", nil)
	_, _, err := c.Server.AttachToNetwork(ctx, s, hcloud.ServerAttachToNetworkOpts{Network: n, IP: net.ParseIP("10.0.1.2")})
	refused(t, err, hcloud.ErrorCodeIPNotAvailable)
	_, _, err = c.Server.AttachToNetwork(ctx, s, hcloud.ServerAttachToNetworkOpts{Network: n, IP: net.ParseIP("10.9.1.2")})
	refused(t, err, hcloud.ErrorCodeInvalidInput)
	c.wait(got[*hcloud.Action](t)(c.Server.AttachToNetwork(ctx, s, hcloud.ServerAttachToNetworkOpts{Network: n, AliasIPs: []net.IP{net.ParseIP("10.0.1.200")}})))
	s = got[*hcloud.Server](t)(c.Server.GetByID(ctx, s.ID))
	if s.PrivateNet[0].IP.String() != "10.0.1.3" || len(s.PrivateNet[0].Aliases) != 1 {
		t.Errorf("unexpected private interface: %+v", s.PrivateNet[0])
	}
	_, _, err = c.Server.AttachToNetwork(ctx, s, hcloud.ServerAttachToNetworkOpts{Network: n})
	refused(t, err, hcloud.ErrorCodeServerAlreadyAttached)
	_, _, err = c.LoadBalancer.AttachToNetwork(ctx, lb, hcloud.LoadBalancerAttachToNetworkOpts{Network: n})
	refused(t, err, hcloud.ErrorCodeLoadBalancerAlreadyAttached)
	_, _, err = c.Network.DeleteSubnet(ctx, n, hcloud.NetworkDeleteSubnetOpts{Subnet: n.Subnets[0]})
	refused(t, err, hcloud.ErrorCodeServiceError)
	c.wait(got[*hcloud.Action](t)(c.Server.DetachFromNetwork(ctx, s, hcloud.ServerDetachFromNetworkOpts{Network: n})))
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.DetachFromNetwork(ctx, lb, hcloud.LoadBalancerDetachFromNetworkOpts{Network: n})))
	c.wait(got[*hcloud.Action](t)(c.Network.DeleteSubnet(ctx, n, hcloud.NetworkDeleteSubnetOpts{Subnet: n.Subnets[0]})))
}

func TestNetworkRules(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	n := c.network("net")
	subnet := func(ipRange string, zone hcloud.NetworkZone) error {
		a, _, err := c.Network.AddSubnet(ctx, n, hcloud.NetworkAddSubnetOpts{Subnet: hcloud.NetworkSubnet{Type: hcloud.NetworkSubnetTypeCloud, IPRange: cidr(ipRange), NetworkZone: zone}})
		if err == nil {
			c.wait(a)
		}
		return err
	}
	refused(t, subnet("10.0.1.128/25", hcloud.NetworkZoneEUCentral), hcloud.ErrorCodeInvalidInput)
	refused(t, subnet("10.1.0.0/24", hcloud.NetworkZoneEUCentral), hcloud.ErrorCodeInvalidInput)
	refused(t, subnet("10.0.3.0/24", "moon-north"), hcloud.ErrorCodeInvalidInput)
	if err := subnet("10.0.2.0/24", hcloud.NetworkZoneUSEast); err != nil {
		t.Error(err)
	}
	_, _, err := c.Network.Create(ctx, hcloud.NetworkCreateOpts{Name: "net", IPRange: cidr("10.0.0.0/16")})
	refused(t, err, hcloud.ErrorCodeUniquenessError)
	_, _, err = c.Network.Create(ctx, hcloud.NetworkCreateOpts{Name: "public", IPRange: cidr("8.8.8.0/24")})
	refused(t, err, hcloud.ErrorCodeInvalidInput)
	route := hcloud.NetworkRoute{Destination: cidr("0.0.0.0/0"), Gateway: net.ParseIP("10.0.1.5")}
	c.wait(got[*hcloud.Action](t)(c.Network.AddRoute(ctx, n, hcloud.NetworkAddRouteOpts{Route: route})))
	c.wait(got[*hcloud.Action](t)(c.Network.DeleteRoute(ctx, n, hcloud.NetworkDeleteRouteOpts{Route: route})))
	c.wait(got[*hcloud.Action](t)(c.Network.ChangeIPRange(ctx, n, hcloud.NetworkChangeIPRangeOpts{IPRange: cidr("10.0.0.0/12")})))
	if n = got[*hcloud.Network](t)(c.Network.GetByID(ctx, n.ID)); n.IPRange.String() != "10.0.0.0/12" || len(n.Subnets) != 2 {
		t.Errorf("unexpected network: %+v", n)
	}
	if _, err := c.Network.Delete(ctx, n); err != nil {
		t.Error(err)
	}
}

func TestFirewall(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	rule := hcloud.FirewallRule{Direction: hcloud.FirewallRuleDirectionIn, Protocol: hcloud.FirewallRuleProtocolTCP, Port: hcloud.Ptr("443"), SourceIPs: []net.IPNet{*cidr("0.0.0.0/0"), *cidr("::/0")}}
	s := c.server("web", func(o *hcloud.ServerCreateOpts) { o.Labels = map[string]string{"role": "web"} })
	result := got[hcloud.FirewallCreateResult](t)(c.Firewall.Create(ctx, hcloud.FirewallCreateOpts{
		Name: "fw", Rules: []hcloud.FirewallRule{rule},
		ApplyTo: []hcloud.FirewallResource{{Type: hcloud.FirewallResourceTypeLabelSelector, LabelSelector: &hcloud.FirewallResourceLabelSelector{Selector: "role in (web,api)"}}},
	}))
	c.wait(result.Actions...)
	f := result.Firewall
	if s = got[*hcloud.Server](t)(c.Server.GetByID(ctx, s.ID)); len(s.PublicNet.Firewalls) != 1 {
		t.Fatalf("the selector does not reach the server: %+v", s.PublicNet)
	}
	_, err := c.Firewall.Delete(ctx, f)
	refused(t, err, hcloud.ErrorCodeResourceInUse)
	direct := []hcloud.FirewallResource{{Type: hcloud.FirewallResourceTypeServer, Server: &hcloud.FirewallResourceServer{ID: s.ID}}}
	c.wait(got[[]*hcloud.Action](t)(c.Firewall.ApplyResources(ctx, f, direct))...)
	_, _, err = c.Firewall.ApplyResources(ctx, f, direct)
	refused(t, err, hcloud.ErrorCodeFirewallAlreadyApplied)
	bad := rule
	bad.Port = hcloud.Ptr("90-80")
	_, _, err = c.Firewall.SetRules(ctx, f, hcloud.FirewallSetRulesOpts{Rules: []hcloud.FirewallRule{bad}})
	refused(t, err, hcloud.ErrorCodeInvalidInput)
	c.wait(got[[]*hcloud.Action](t)(c.Firewall.SetRules(ctx, f, hcloud.FirewallSetRulesOpts{Rules: []hcloud.FirewallRule{rule, rule}}))...)
	f = got[*hcloud.Firewall](t)(c.Firewall.GetByID(ctx, f.ID))
	if len(f.Rules) != 2 || len(f.AppliedTo) != 2 {
		t.Errorf("unexpected firewall: %+v", f)
	}
	c.wait(got[*hcloud.ServerDeleteResult](t)(c.Server.DeleteWithResult(ctx, s)).Action)
	c.wait(got[[]*hcloud.Action](t)(c.Firewall.RemoveResources(ctx, f, []hcloud.FirewallResource{f.AppliedTo[0]}))...)
	if _, err := c.Firewall.Delete(ctx, f); err != nil {
		t.Error(err)
	}
}

func TestLoadBalancer(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	n := c.network("net")
	s := c.server("w1", func(o *hcloud.ServerCreateOpts) { o.Networks = []*hcloud.Network{n} })
	other := c.server("w2", nil)
	result := got[hcloud.LoadBalancerCreateResult](t)(c.LoadBalancer.Create(ctx, hcloud.LoadBalancerCreateOpts{
		Name: "lb", LoadBalancerType: &hcloud.LoadBalancerType{Name: "lb11"}, NetworkZone: hcloud.NetworkZoneEUCentral, Network: n,
	}))
	c.wait(result.Action)
	lb, private := result.LoadBalancer, true
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.AddServerTarget(ctx, lb, hcloud.LoadBalancerAddServerTargetOpts{Server: s, UsePrivateIP: &private})))
	_, _, err := c.LoadBalancer.AddServerTarget(ctx, lb, hcloud.LoadBalancerAddServerTargetOpts{Server: s, UsePrivateIP: &private})
	refused(t, err, hcloud.ErrorCodeTargetAlreadyDefined)
	_, _, err = c.LoadBalancer.AddServerTarget(ctx, lb, hcloud.LoadBalancerAddServerTargetOpts{Server: other, UsePrivateIP: &private})
	refused(t, err, hcloud.ErrorCodeServerNotAttachedToNetwork)
	service := hcloud.LoadBalancerAddServiceOpts{Protocol: hcloud.LoadBalancerServiceProtocolTCP, ListenPort: hcloud.Ptr(443), DestinationPort: hcloud.Ptr(31443)}
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.AddService(ctx, lb, service)))
	_, _, err = c.LoadBalancer.AddService(ctx, lb, service)
	refused(t, err, hcloud.ErrorCodeSourcePortAlreadyUsed)
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.UpdateService(ctx, lb, 443, hcloud.LoadBalancerUpdateServiceOpts{
		Protocol: hcloud.LoadBalancerServiceProtocolHTTP, HealthCheck: &hcloud.LoadBalancerUpdateServiceOptsHealthCheck{
			Protocol: hcloud.LoadBalancerServiceProtocolHTTP, HTTP: &hcloud.LoadBalancerUpdateServiceOptsHealthCheckHTTP{Path: hcloud.Ptr("/healthz")},
		},
	})))
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.ChangeType(ctx, lb, hcloud.LoadBalancerChangeTypeOpts{LoadBalancerType: &hcloud.LoadBalancerType{Name: "lb21"}})))
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.ChangeAlgorithm(ctx, lb, hcloud.LoadBalancerChangeAlgorithmOpts{Type: hcloud.LoadBalancerAlgorithmTypeLeastConnections})))
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.DisablePublicInterface(ctx, lb)))
	lb = got[*hcloud.LoadBalancer](t)(c.LoadBalancer.GetByID(ctx, lb.ID))
	if lb.LoadBalancerType.Name != "lb21" || lb.Services[0].HealthCheck.HTTP.Path != "/healthz" || lb.PublicNet.Enabled ||
		lb.Targets[0].HealthStatus[0].Status != hcloud.LoadBalancerTargetHealthStatusStatusHealthy {
		t.Errorf("unexpected load balancer: %+v", lb)
	}
	if s = got[*hcloud.Server](t)(c.Server.GetByID(ctx, s.ID)); len(s.LoadBalancers) != 1 {
		t.Errorf("the server does not know its load balancer: %+v", s.LoadBalancers)
	}
	c.wait(got[*hcloud.Action](t)(c.Server.DetachFromNetwork(ctx, s, hcloud.ServerDetachFromNetworkOpts{Network: n})))
	if lb = got[*hcloud.LoadBalancer](t)(c.LoadBalancer.GetByID(ctx, lb.ID)); len(lb.Targets) != 0 {
		t.Errorf("a target without its network is left: %+v", lb.Targets)
	}
	c.wait(got[*hcloud.Action](t)(c.LoadBalancer.DeleteService(ctx, lb, 443)))
	if _, err := c.LoadBalancer.Delete(ctx, lb); err != nil {
		t.Error(err)
	}
}

func TestVolumesAndAddresses(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	s := c.server("db", nil)
	v := got[hcloud.VolumeCreateResult](t)(c.Volume.Create(ctx, hcloud.VolumeCreateOpts{Name: "data", Size: 20, Server: s, Format: hcloud.Ptr("ext4")}))
	c.wait(append(v.NextActions, v.Action)...)
	_, err := c.Volume.Delete(ctx, v.Volume)
	refused(t, err, hcloud.ErrorCodeResourceInUse)
	c.wait(got[*hcloud.Action](t)(c.Volume.Resize(ctx, v.Volume, 40)))
	c.wait(got[*hcloud.Action](t)(c.Volume.Detach(ctx, v.Volume)))
	c.wait(got[*hcloud.Action](t)(c.Volume.Attach(ctx, v.Volume, s)))
	c.wait(got[*hcloud.Action](t)(c.Volume.Detach(ctx, v.Volume)))
	if _, err := c.Volume.Delete(ctx, v.Volume); err != nil {
		t.Error(err)
	}
	f := got[hcloud.FloatingIPCreateResult](t)(c.FloatingIP.Create(ctx, hcloud.FloatingIPCreateOpts{Type: hcloud.FloatingIPTypeIPv4, Name: hcloud.Ptr("float"), Server: s}))
	c.wait(f.Action)
	c.wait(got[*hcloud.Action](t)(c.FloatingIP.ChangeDNSPtr(ctx, f.FloatingIP, f.FloatingIP.IP.String(), hcloud.Ptr("www.example.org"))))
	c.wait(got[*hcloud.Action](t)(c.FloatingIP.Unassign(ctx, f.FloatingIP)))
	if _, err := c.FloatingIP.Delete(ctx, f.FloatingIP); err != nil {
		t.Error(err)
	}
	p := got[*hcloud.PrimaryIPCreateResult](t)(c.PrimaryIP.Create(ctx, hcloud.PrimaryIPCreateOpts{Name: "ip", Type: hcloud.PrimaryIPTypeIPv4, AssigneeType: "server", Location: "hel1"}))
	fixed := c.server("fixed", func(o *hcloud.ServerCreateOpts) {
		o.PublicNet = &hcloud.ServerCreatePublicNet{EnableIPv4: true, IPv4: p.PrimaryIP}
	})
	if !fixed.PublicNet.IPv4.IP.Equal(p.PrimaryIP.IP) || !fixed.PublicNet.IPv6.IsUnspecified() {
		t.Errorf("unexpected public net: %+v", fixed.PublicNet)
	}
	_, err = c.PrimaryIP.Delete(ctx, p.PrimaryIP)
	refused(t, err, hcloud.ErrorCodeResourceInUse)
	c.wait(got[*hcloud.ServerDeleteResult](t)(c.Server.DeleteWithResult(ctx, fixed)).Action)
	if _, err := c.PrimaryIP.Delete(ctx, p.PrimaryIP); err != nil {
		t.Error(err)
	}
}

func TestKeysAndGroups(t *testing.T) {
	c := start(t, simulator.Options{})
	ctx := t.Context()
	k := got[*hcloud.SSHKey](t)(c.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "key", PublicKey: sshKey}))
	if len(strings.Split(k.Fingerprint, ":")) != 16 {
		t.Errorf("the fingerprint %s is not MD5", k.Fingerprint)
	}
	_, _, err := c.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "again", PublicKey: sshKey})
	refused(t, err, hcloud.ErrorCodeUniquenessError)
	_, _, err = c.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "bad", PublicKey: "ssh-rsa AAAA"})
	refused(t, err, hcloud.ErrorCodeInvalidInput)
	g := got[hcloud.PlacementGroupCreateResult](t)(c.PlacementGroup.Create(ctx, hcloud.PlacementGroupCreateOpts{Name: "spread", Type: hcloud.PlacementGroupTypeSpread}))
	s := c.server("cp1", func(o *hcloud.ServerCreateOpts) {
		o.PlacementGroup, o.SSHKeys = g.PlacementGroup, []*hcloud.SSHKey{k}
	})
	if s.PlacementGroup == nil || s.PlacementGroup.Servers[0] != s.ID {
		t.Errorf("unexpected placement group: %+v", s.PlacementGroup)
	}
	_, err = c.PlacementGroup.Delete(ctx, g.PlacementGroup)
	refused(t, err, hcloud.ErrorCodeResourceInUse)
	c.wait(got[*hcloud.ServerDeleteResult](t)(c.Server.DeleteWithResult(ctx, s)).Action)
	if _, err := c.PlacementGroup.Delete(ctx, g.PlacementGroup); err != nil {
		t.Error(err)
	}
	if _, err := c.SSHKey.Delete(ctx, k); err != nil {
		t.Error(err)
	}
}
