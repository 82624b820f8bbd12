package provisioner

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Validate gives every rule that a Spec breaks, not only the first, including
// what is required and missing (rule "required"). An empty result means that a
// plan can be made. Whether a subdomain is taken, and whether the cloud account
// is complete, is not the Spec's to say.
func (c *Catalogue) Validate(spec Spec) []fault.Violation {
	spec = spec.Normalize()
	var out []fault.Violation
	require := func(path, value, message, suggestion string) {
		if value == "" {
			out = append(out, fault.Violation{Path: path, Rule: "required", Message: message, Suggestion: suggestion})
		}
	}
	require("orgName", spec.OrgName, "The Organization's name is missing.", "Say what your Organization is called.")
	require("orgEmail", spec.OrgEmail, "The e-mail address of the sovereign-admin is missing.", "Give the address that will sign in to the console.")
	require("sovereignFQDN", spec.SovereignFQDN, "The Sovereign has no domain name.", "Choose a subdomain, or name a domain of your own.")
	require("objectStorageRegion", spec.ObjectStorageRegion, "The region of the object storage is missing.", "Use fsn1, nbg1 or hel1.")
	if len(spec.Regions) == 0 {
		require("regions", "", "No region is chosen.", "Name a region, for example fsn1, or say where your people are.")
	}
	for i, r := range spec.Regions {
		at := fmt.Sprintf("regions[%d].", i)
		require(at+"provider", r.Provider, "The region's provider is missing.", "Use hetzner.")
		require(at+"cloudRegion", r.CloudRegion, "The region's code is missing.", "For example fsn1.")
		require(at+"controlPlaneSize", r.ControlPlaneSize, "The size of the control plane is missing.", "For example cpx22.")
		if r.WorkerCount > 0 {
			require(at+"workerSize", r.WorkerSize, "There are workers without a size.", "For example cpx32.")
		}
	}
	return append(out, c.broken(spec)...)
}

// broken gives the rules that the values which are there break: each field's own
// rule, then the rules between fields. The Spec is normalized.
func (c *Catalogue) broken(spec Spec) []fault.Violation {
	var out []fault.Violation
	for _, path := range specPaths(spec) {
		if v, ok := readField(spec, path); ok {
			want, problems := c.checkField(path, v)
			out = append(out, problems...)
			if len(problems) == 0 && !reflect.DeepEqual(want, v) {
				out = append(out, fault.Violation{Path: path, Rule: "canonical", Value: cut(fmt.Sprint(v)),
					Message: "The value is understood, but it is not in its exact form.", Suggestion: fmt.Sprintf("Use %v.", want)})
			}
		}
	}
	at := func(path string) func(fault.Violation) bool {
		return func(v fault.Violation) bool { return v.Path == path }
	}
	if spec.SovereignDomainMode == "pool" && slices.ContainsFunc(out, at("sovereignSubdomain")) {
		out = slices.DeleteFunc(out, at("sovereignFQDN")) // made of it, and wrong for the same reason
	}
	for i := range spec.Regions {
		out = append(out, c.brokenSizes(spec, i)...)
	}
	return append(out, c.brokenTogether(spec)...)
}

// specPaths lists the paths of all fields of a Spec in a fixed order.
func specPaths(spec Spec) []string {
	out := []string{
		"orgName", "orgEmail", "orgIndustry", "orgHeadquarters", "orgSize", "orgCompliance",
		"sovereignDomainMode", "sovereignPoolDomain", "sovereignSubdomain", "sovereignFQDN",
	}
	for i := range spec.Regions {
		for _, name := range regionFields {
			out = append(out, fmt.Sprintf("regions[%d].%s", i, name))
		}
	}
	return append(out, "haEnabled", "bcpTopology", "storageClass", "marketplaceEnabled", "consoleIsolationEnabled",
		"enableSharedPostgres", "hetznerProjectID", "sshPublicKey", "objectStorageRegion", "objectStorageBucket", "apps", "components")
}

// brokenSizes checks that the sizes of a region can be ordered there.
func (c *Catalogue) brokenSizes(spec Spec, i int) []fault.Violation {
	r := spec.Regions[i]
	where, ok := c.Region(r.CloudRegion)
	if !ok || !where.Available {
		return nil // the region's own rule says so
	}
	var out []fault.Violation
	check := func(name, id string, min NodeSize) {
		n, known := c.NodeSize(where.Region, id)
		if id == "" || !known || n.Orderable || !c.orderableSomewhere(id) {
			return
		}
		out = append(out, fault.Violation{
			Path: fmt.Sprintf("regions[%d].%s", i, name), Rule: "orderable", Value: id,
			Message:    fmt.Sprintf("%s cannot be ordered in %s (%s).", id, where.Name, where.Region),
			Suggestion: "In " + where.Region + " there are " + c.orderableList(where.Region, min) + ".",
		})
	}
	check("controlPlaneSize", r.ControlPlaneSize, NodeSize{VCPU: minControlVCPU, MemoryGB: minControlGB})
	if r.WorkerCount > 0 {
		check("workerSize", r.WorkerSize, NodeSize{VCPU: minWorkerVCPU, MemoryGB: minWorkerGB})
	}
	return out
}

// orderableSomewhere is whether a size can be ordered in any region that can be
// planned.
func (c *Catalogue) orderableSomewhere(id string) bool {
	return slices.ContainsFunc(c.regions, func(r CatalogueRegion) bool {
		n, ok := c.NodeSize(r.Region, id)
		return r.Available && ok && n.Orderable
	})
}

// orderableList names the six cheapest sizes of a region that are at least as
// large as min.
func (c *Catalogue) orderableList(region string, min NodeSize) string {
	var ids []string
	for _, n := range c.Sizes(region) {
		if n.Orderable && !n.arm() && n.VCPU >= min.VCPU && n.MemoryGB >= min.MemoryGB && len(ids) < 6 {
			ids = append(ids, n.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// brokenTogether checks the rules between fields.
func (c *Catalogue) brokenTogether(spec Spec) []fault.Violation {
	var out []fault.Violation
	add := func(path, rule, value, message, suggestion string) {
		out = append(out, fault.Violation{Path: path, Rule: rule, Value: cut(value), Message: message, Suggestion: suggestion})
	}
	regions := len(spec.Regions)
	switch spec.BCPTopology {
	case "single-region":
		if regions > 1 {
			add("bcpTopology", "topology-regions", spec.BCPTopology,
				fmt.Sprintf("The topology is single-region, but there are %d regions.", regions), "Keep one region, or choose active-hotstandby.")
		}
	case "active-hotstandby", "active-active":
		if regions == 1 {
			add("bcpTopology", "topology-regions", spec.BCPTopology,
				fmt.Sprintf("The topology %s needs at least two regions; there is one.", spec.BCPTopology), "Add a second region, or choose single-region.")
		}
	}
	if regions > c.maxRegions {
		add("regions", "range", strconv.Itoa(regions), fmt.Sprintf("There are %d regions; %d is the most that can be planned.", regions, c.maxRegions), "Leave some out.")
	}
	seen := map[string]int{}
	for i, r := range spec.Regions {
		if first, twice := seen[r.CloudRegion]; twice && r.CloudRegion != "" {
			add(fmt.Sprintf("regions[%d].cloudRegion", i), "unique", r.CloudRegion,
				fmt.Sprintf("%s is chosen twice, as region %d and %d.", r.CloudRegion, first+1, i+1), "Choose another place for one of them.")
		}
		seen[r.CloudRegion] = i
		if i > 0 && r.Provider != spec.Regions[0].Provider && r.Provider == "hetzner" {
			add(fmt.Sprintf("regions[%d].provider", i), "provider-one", r.Provider, "All regions of a Sovereign have to be with the same provider.", "Use hetzner for all of them.")
		}
	}
	if a := c.zoneOf(spec, 0); a != "" {
		for i := 1; i < regions; i++ {
			if b := c.zoneOf(spec, i); b != "" && b != a {
				add(fmt.Sprintf("regions[%d].cloudRegion", i), "network-zone", spec.Regions[i].CloudRegion,
					fmt.Sprintf("%s is in network zone %s and %s in %s; the regions of one Sovereign share a private network.", spec.Regions[i].CloudRegion, b, spec.Regions[0].CloudRegion, a),
					"Choose regions of one zone, for example fsn1 and hel1.")
			}
		}
	}
	if spec.SovereignDomainMode == "pool" {
		want := spec.SovereignSubdomain + "." + spec.SovereignPoolDomain
		if spec.SovereignSubdomain == "" && strings.HasSuffix(spec.SovereignFQDN, "."+spec.SovereignPoolDomain) && spec.SovereignPoolDomain != "" {
			add("sovereignSubdomain", "required", "", "The subdomain is missing.", "It is the first part of "+spec.SovereignFQDN+".")
		} else if spec.SovereignSubdomain != "" && spec.SovereignFQDN != "" && spec.SovereignFQDN != want {
			add("sovereignFQDN", "pool-domain", spec.SovereignFQDN, "The domain name is not the subdomain under the pool domain.", want)
		}
	}
	return out
}

func (c *Catalogue) zoneOf(spec Spec, i int) string {
	if i >= len(spec.Regions) {
		return ""
	}
	r, _ := c.Region(spec.Regions[i].CloudRegion)
	if !r.Available {
		return ""
	}
	return r.Zone
}
