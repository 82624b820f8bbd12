package provisioner

import (
	"fmt"
	"regexp"
	"strings"
)

// refusals are the provider's codes for a request that it did not carry out at
// all, with what to do. Other codes may leave something behind.
var refusals = map[string]string{
	"resource_unavailable":    "",
	"resource_limit_exceeded": "the account's limit is reached; ask the provider to raise it, or delete what is not needed",
	"unauthorized":            "the cloud does not accept the token; enter a new one in the cloud account card",
	"forbidden":               "the token may not do this; enter one with read and write access in the cloud account card",
	"uniqueness_error":        "something with the same name exists in the project; rename or remove it in the provider's console",
	"invalid_input":           "the cloud does not take a value of the plan",
}

// codeAtEnd is how the provider ends an error: "(code, request id)".
var codeAtEnd = regexp.MustCompile(`\(([a-z_]+)(?:, [0-9a-zA-Z-]+)?\)`)

// refusalOf gives the code of a refusal in the provider's words.
func refusalOf(text string) (string, bool) {
	for _, m := range codeAtEnd.FindAllStringSubmatch(text, -1) {
		if _, ok := refusals[m[1]]; ok {
			return m[1], true
		}
	}
	return "", false
}

// refusalWords say why the cloud refused a resource and what to do; empty where it
// did not.
func (c *Catalogue) refusalWords(d Deployment, r Resource) string {
	if !r.refused() {
		return ""
	}
	code, _ := refusalOf(r.Error)
	if code != "resource_unavailable" {
		return fmt.Sprintf("%s was refused: %s. The cloud said: %s", r.Label, refusals[code], r.Error)
	}
	size, region := placedAs(d.Spec, r.Address)
	if size == "" {
		return fmt.Sprintf("%s is out of stock at the moment; try again later, or choose another size", r.Label)
	}
	return fmt.Sprintf("%s %s", c.outOfStock(size, region), c.instead(size, region))
}

// outOfStock says that a size cannot be had now.
func (c *Catalogue) outOfStock(size, region string) string {
	where := region
	if r, ok := c.Region(region); ok {
		where = fmt.Sprintf("%s (%s)", r.Name, r.Region)
	}
	return fmt.Sprintf("The size %s is out of stock in %s at the moment.", size, where)
}

// instead names the nearest size that can be ordered in the same place.
func (c *Catalogue) instead(size, region string) string {
	n, ok := c.alternative(size, region)
	if !ok {
		return "Try again later, or choose another region."
	}
	price := ""
	if n.Monthly != "" {
		price = fmt.Sprintf(", %s a month", priced(money(amount(n.Monthly), 2, n.Currency)))
	}
	return fmt.Sprintf("The nearest is %s (%d vCPU, %d GB%s); choose that, or try again later.", n.ID, n.VCPU, n.MemoryGB, price)
}

// alternative is the cheapest orderable size of a region that is no smaller than
// the given one, and not that one.
func (c *Catalogue) alternative(size, region string) (NodeSize, bool) {
	want, ok := c.NodeSize(region, size)
	if !ok {
		return NodeSize{}, false
	}
	for _, n := range c.Sizes(region) { // the cheapest first
		if n.Orderable && n.ID != want.ID && !n.arm() && n.VCPU >= want.VCPU && n.MemoryGB >= want.MemoryGB {
			return n, true
		}
	}
	return NodeSize{}, false
}

// serverAddress is a server of the bundled module: role and region's number.
var serverAddress = regexp.MustCompile(`^hcloud_server\.(control_plane|worker)\["([a-z0-9]+)-(\d)-`)

// placedAs gives the size and the region of a server by its address.
func placedAs(spec Spec, address string) (size, region string) {
	m := serverAddress.FindStringSubmatch(address)
	if m == nil {
		return "", ""
	}
	i := int(m[3][0] - '1')
	if i < 0 || i >= len(spec.Regions) || !strings.EqualFold(spec.Regions[i].CloudRegion, m[2]) {
		return "", ""
	}
	if m[1] == "worker" {
		return spec.Regions[i].WorkerSize, spec.Regions[i].CloudRegion
	}
	return spec.Regions[i].ControlPlaneSize, spec.Regions[i].CloudRegion
}
