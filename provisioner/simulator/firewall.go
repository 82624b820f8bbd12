package simulator

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

const maxRules = 50

// firewallView is the firewall as the API shows it: a label selector comes
// with the servers that it selects now.
func (p *project) firewallView(f *schema.Firewall) schema.Firewall {
	out := *f
	out.Rules = append([]schema.FirewallRule{}, f.Rules...)
	out.AppliedTo = []schema.FirewallResource{}
	for _, r := range f.AppliedTo {
		if r.Type == "label_selector" {
			for _, s := range p.selected(r.LabelSelector.Selector) {
				r.AppliedToResources = append(r.AppliedToResources, schema.FirewallResource{Type: "server", Server: &schema.FirewallResourceServer{ID: s.ID}})
			}
		}
		out.AppliedTo = append(out.AppliedTo, r)
	}
	return out
}

// selected gives the servers that a stored, therefore valid, selector matches.
func (p *project) selected(text string) []*server {
	s, err := parseSelector(text)
	if err != nil {
		return nil
	}
	return without(sorted(p.Servers), func(r *server) bool { return !s.matches(r.Labels) })
}

// firewallsOf are the firewalls of a server, directly or by label.
func (p *project) firewallsOf(s *server) []schema.ServerFirewall {
	out := []schema.ServerFirewall{}
	for _, f := range sorted(p.Firewalls) {
		if slices.ContainsFunc(f.AppliedTo, func(r schema.FirewallResource) bool {
			return r.Type == "server" && r.Server.ID == s.ID ||
				r.Type == "label_selector" && slices.Contains(p.selected(r.LabelSelector.Selector), s)
		}) {
			out = append(out, schema.ServerFirewall{ID: f.ID, Status: "applied"})
		}
	}
	return out
}

func listFirewalls(c *call) (reply, error) {
	var items []item
	for _, f := range sorted(c.p.Firewalls) {
		items = append(items, item{id: f.ID, name: f.Name, created: f.Created, labels: f.Labels, view: c.p.firewallView(f)})
	}
	return c.list("firewalls", items)
}

func (c *call) firewall() (*schema.Firewall, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.Firewalls, id, "firewall")
}

func getFirewall(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.FirewallGetResponse{Firewall: c.p.firewallView(f)}), nil
}

func createFirewall(c *call) (reply, error) {
	in, err := decode[schema.FirewallCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.Firewalls, firewallName, 0, "firewall", in.Name); err != nil {
		return reply{}, err
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	rules, err := checkRules(in.Rules)
	if err != nil {
		return reply{}, err
	}
	f := &schema.Firewall{ID: c.p.newID(), Name: in.Name, Labels: labels, Created: c.now, Rules: rules, AppliedTo: []schema.FirewallResource{}}
	c.p.Firewalls[f.ID] = f
	var operations []*operation
	for _, r := range in.ApplyTo {
		o, err := c.applyTo(f, r)
		if err != nil {
			return reply{}, err
		}
		operations = append(operations, o)
	}
	c.created = f.Name
	return created(schema.FirewallCreateResponse{Firewall: c.p.firewallView(f), Actions: c.actions(operations)}), nil
}

func updateFirewall(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FirewallUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != nil {
		if err := checkName(c.p.Firewalls, firewallName, f.ID, "firewall", *in.Name); err != nil {
			return reply{}, err
		}
		f.Name = *in.Name
	}
	if f.Labels, err = labelsOf(in.Labels, f.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.FirewallUpdateResponse{Firewall: c.p.firewallView(f)}), nil
}

func deleteFirewall(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	if len(f.AppliedTo) > 0 || c.p.busy("firewall", f.ID, "apply_firewall") {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeResourceInUse, "firewall with ID '%d' is still in use", f.ID)
	}
	delete(c.p.Firewalls, f.ID)
	return noContent(), nil
}

func setFirewallRules(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FirewallActionSetRulesRequest](c)
	if err != nil {
		return reply{}, err
	}
	rules, err := checkRules(in.Rules)
	if err != nil {
		return reply{}, err
	}
	f.Rules = rules
	operations := []*operation{c.begin("set_firewall_rules", 1, change{}, ref("firewall", f.ID))}
	for _, r := range f.AppliedTo {
		if r.Type == "server" {
			operations = append(operations, c.begin("apply_firewall", 1.5, change{}, ref("firewall", f.ID), ref("server", r.Server.ID)))
		}
	}
	return created(schema.FirewallActionSetRulesResponse{Actions: c.actions(operations)}), nil
}

func applyFirewallTo(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FirewallActionApplyToResourcesRequest](c)
	if err != nil {
		return reply{}, err
	}
	var operations []*operation
	for _, r := range in.ApplyTo {
		o, err := c.applyTo(f, r)
		if err != nil {
			return reply{}, err
		}
		operations = append(operations, o)
	}
	return created(schema.FirewallActionApplyToResourcesResponse{Actions: c.actions(operations)}), nil
}

// applyTo starts to apply a firewall to a server or to a label selector.
func (c *call) applyTo(f *schema.Firewall, r schema.FirewallResource) (*operation, error) {
	refs := []schema.ActionResourceReference{ref("firewall", f.ID)}
	switch {
	case r.Type == "server" && r.Server != nil:
		s := c.p.Servers[r.Server.ID]
		if s == nil {
			return nil, refuse(http.StatusNotFound, "firewall_resource_not_found", "server with ID '%d' not found", r.Server.ID)
		}
		if c.p.publicIP(s.ID, "ipv4") == "" && c.p.publicIP(s.ID, "ipv6") == "" {
			return nil, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodePrivateNetOnlyServer, "the server has no public interface")
		}
		refs = append(refs, ref("server", s.ID))
	case r.Type == "label_selector" && r.LabelSelector != nil:
		if _, err := parseSelector(r.LabelSelector.Selector); err != nil {
			return nil, err
		}
		if strings.TrimSpace(r.LabelSelector.Selector) == "" {
			return nil, invalid("label_selector", "a selector is needed")
		}
	default:
		return nil, invalid("apply_to", "the type is server or label_selector, with the object of that name")
	}
	r.AppliedToResources = nil
	if appliesTo(f, r) {
		return nil, refuse(http.StatusConflict, hcloud.ErrorCodeFirewallAlreadyApplied, "the firewall is already applied to the resource")
	}
	return c.begin("apply_firewall", 1.5, change{Resource: &r}, refs...), nil
}

func removeFirewallFrom(c *call) (reply, error) {
	f, err := c.firewall()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.FirewallActionRemoveFromResourcesRequest](c)
	if err != nil {
		return reply{}, err
	}
	var operations []*operation
	for _, r := range in.RemoveFrom {
		if (r.Type != "server" || r.Server == nil) && (r.Type != "label_selector" || r.LabelSelector == nil) {
			return reply{}, invalid("remove_from", "the type is server or label_selector, with the object of that name")
		}
		r.AppliedToResources = nil
		if !appliesTo(f, r) {
			return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeFirewallAlreadyRemoved, "the firewall is not applied to the resource")
		}
		refs := []schema.ActionResourceReference{ref("firewall", f.ID)}
		if r.Server != nil {
			refs = append(refs, ref("server", r.Server.ID))
		}
		operations = append(operations, c.begin("remove_firewall", 1.5, change{Resource: &r}, refs...))
	}
	return created(schema.FirewallActionRemoveFromResourcesResponse{Actions: c.actions(operations)}), nil
}

// appliesTo reports whether the firewall is applied to exactly this resource.
func appliesTo(f *schema.Firewall, r schema.FirewallResource) bool {
	return slices.ContainsFunc(f.AppliedTo, func(o schema.FirewallResource) bool { return sameResource(o, r) })
}

func sameResource(a, b schema.FirewallResource) bool {
	switch {
	case a.Type != b.Type:
		return false
	case a.Type == "server":
		return a.Server.ID == b.Server.ID
	default:
		return a.LabelSelector.Selector == b.LabelSelector.Selector
	}
}

// applyFirewall makes the change of an operation on a firewall.
func (p *project) applyFirewall(f *schema.Firewall, o *operation) {
	r := o.Change.Resource
	if r == nil {
		return
	}
	switch o.Action.Command {
	case "apply_firewall":
		gone := r.Type == "server" && p.Servers[r.Server.ID] == nil
		if !gone && !appliesTo(f, *r) {
			f.AppliedTo = append(f.AppliedTo, *r)
		}
	case "remove_firewall":
		f.AppliedTo = without(f.AppliedTo, func(x schema.FirewallResource) bool { return sameResource(x, *r) })
	}
}

// checkRules applies the rules of rules and gives them as they are stored.
func checkRules(in []schema.FirewallRuleRequest) ([]schema.FirewallRule, error) {
	if len(in) > maxRules {
		return nil, overLimit("firewall_rule_limit")
	}
	out := []schema.FirewallRule{}
	for i, r := range in {
		field := func(name string) string { return "rules." + strconv.Itoa(i) + "." + name }
		ips := func(name string, list []string) error {
			if len(list) == 0 {
				return invalid(field(name), "at least one range is needed")
			}
			for _, text := range list {
				if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
					return invalid(field(name), "%q is not a range in CIDR notation without host bits", cut(text, 60))
				}
			}
			return nil
		}
		var err error
		switch r.Direction {
		case "in":
			err = ips("source_ips", r.SourceIPs)
		case "out":
			err = ips("destination_ips", r.DestinationIPs)
		default:
			err = invalid(field("direction"), "the direction is in or out")
		}
		if err != nil {
			return nil, err
		}
		switch r.Protocol {
		case "tcp", "udp":
			if r.Port == nil || !validPorts(*r.Port) {
				return nil, invalid(field("port"), "a port, a range such as 80-85, or any is needed")
			}
		case "icmp", "esp", "gre":
			if r.Port != nil && *r.Port != "" {
				return nil, invalid(field("port"), "%s has no ports", r.Protocol)
			}
			r.Port = nil
		default:
			return nil, invalid(field("protocol"), "the protocol is tcp, udp, icmp, esp or gre")
		}
		if r.Description != nil && len(*r.Description) > 255 {
			return nil, invalid(field("description"), "a description has at most 255 characters")
		}
		out = append(out, schema.FirewallRule{
			Direction: r.Direction, Protocol: r.Protocol, Port: r.Port, Description: r.Description,
			SourceIPs: append([]string{}, r.SourceIPs...), DestinationIPs: append([]string{}, r.DestinationIPs...),
		})
	}
	return out, nil
}

func validPorts(text string) bool {
	if text == "any" {
		return true
	}
	from, to, isRange := strings.Cut(text, "-")
	a, err := strconv.Atoi(from)
	if err != nil || a < 1 || a > 65535 {
		return false
	}
	if !isRange {
		return true
	}
	b, err := strconv.Atoi(to)
	return err == nil && b >= a && b <= 65535
}
