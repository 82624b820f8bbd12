package simulator

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
)

// publicRange is how many addresses the simulated public range 127.64.0.0/10
// has.
const publicRange = 1 << 22

// newPublicIPv4 gives the next public address. The range is walked round, so
// that an address comes back as late as possible, and one in use is skipped.
func (p *project) newPublicIPv4() (string, error) {
	used := map[string]bool{}
	for _, ip := range p.PrimaryIPs {
		used[ip.IP] = true
	}
	for _, ip := range p.FloatingIPs {
		used[ip.IP] = true
	}
	for _, lb := range p.LoadBalancers {
		used[lb.PublicNet.IPv4.IP] = true
	}
	for range publicRange {
		offset := (p.IPv4Base + p.IPv4Next) % publicRange
		p.IPv4Next++
		if last := offset & 0xff; last == 0 || last == 0xff {
			continue
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 127<<24|64<<16|offset)
		if a := netip.AddrFrom4(b).String(); !used[a] {
			return a, nil
		}
	}
	return "", refuse(http.StatusPreconditionFailed, hcloud.ErrorCodeResourceUnavailable, "no public IPv4 address is left")
}

// newPublicIPv6 gives the next /64 of the documentation range.
func (p *project) newPublicIPv6() string {
	p.IPv6Next++
	return fmt.Sprintf("2001:db8:%x:%x::", 0x1000+p.IPv6Next>>16, p.IPv6Next&0xffff)
}

// privateIPs lists the addresses in use in a network, including those that
// running operations will take.
func (p *project) privateIPs(network int64) map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil {
			used[a] = true
		}
	}
	for _, s := range p.Servers {
		for _, n := range s.PrivateNet {
			if n.Network == network {
				add(n.IP)
				for _, alias := range n.AliasIPs {
					add(alias)
				}
			}
		}
	}
	for _, lb := range p.LoadBalancers {
		for _, n := range lb.PrivateNet {
			if n.Network == network {
				add(n.IP)
			}
		}
	}
	for _, o := range p.Operations {
		if o.Action.Status == running && o.Change.Network == network {
			add(o.Change.IP)
			for _, alias := range o.Change.AliasIPs {
				add(alias)
			}
		}
	}
	return used
}

// privateIP chooses the address of a new attachment in a network: the one that
// is asked for, or the lowest free one of the subnet ipRange, or of the first
// subnet in the zone that has one. The first address of the network is its
// gateway's, the first and the last of a subnet and the first host address are
// reserved.
func (p *project) privateIP(n *network, zone string, wanted, ipRange *string) (string, error) {
	used := p.privateIPs(n.ID)
	networkGateway := netip.MustParsePrefix(n.IPRange).Addr().Next()
	inZone, matched := false, false
	for _, subnet := range n.Subnets {
		if subnet.NetworkZone != zone {
			continue
		}
		inZone = true
		prefix := netip.MustParsePrefix(subnet.IPRange)
		if ipRange != nil && *ipRange != "" && *ipRange != subnet.IPRange {
			continue
		}
		matched = true
		free := func(a netip.Addr) bool {
			return !used[a] && a != networkGateway && a != prefix.Addr() && a != prefix.Addr().Next() && a != lastOf(prefix)
		}
		if wanted != nil && *wanted != "" {
			a, err := netip.ParseAddr(*wanted)
			if err != nil || !a.Is4() {
				return "", invalid("ip", "an IPv4 address is needed")
			}
			if !prefix.Contains(a) {
				continue
			}
			if !free(a) {
				return "", refuse(http.StatusConflict, hcloud.ErrorCodeIPNotAvailable, "IP not available")
			}
			return a.String(), nil
		}
		for a := prefix.Addr(); prefix.Contains(a); a = a.Next() {
			if free(a) {
				return a.String(), nil
			}
		}
	}
	switch {
	case inZone && !matched:
		return "", invalid("ip_range", "the network has no such subnet in zone %s", zone)
	case inZone && wanted != nil && *wanted != "":
		return "", invalid("ip", "the address is in no subnet of the network in zone %s", zone)
	default:
		return "", refuse(http.StatusConflict, hcloud.ErrorCodeNoSubnetAvailable, "no subnet or IP is available in the network in zone %s", zone)
	}
}

// lastOf is the last address of an IPv4 prefix.
func lastOf(prefix netip.Prefix) netip.Addr {
	b := prefix.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | uint32(1<<(32-prefix.Bits())-1)
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// privateIPv4Prefix reads a range that a network or subnet may have: RFC 1918,
// with no host bits set.
func privateIPv4Prefix(field, text string, longest int) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		return prefix, invalid(field, "an IPv4 range in CIDR notation is needed")
	}
	if prefix != prefix.Masked() {
		return prefix, invalid(field, "the range has host bits set; did you mean %s?", prefix.Masked())
	}
	if prefix.Bits() > longest {
		return prefix, invalid(field, "the range is too small; /%d is the smallest", longest)
	}
	for _, private := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if p := netip.MustParsePrefix(private); p.Contains(prefix.Addr()) && prefix.Bits() >= p.Bits() {
			return prefix, nil
		}
	}
	return prefix, invalid(field, "the range is not private: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
}
