package simulator

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"github.com/shopspring/decimal"

	"github.com/openova-io/sandbox/conversation/fault"
)

// cloudData is what the cloud sells and where, dated, with its source.
//
//go:embed data/cloud.json
var cloudData []byte

// ServerType is a server type that can be ordered.
type ServerType struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	// Category is the product line, e.g. "Shared vCPU AMD".
	Category string  `json:"category"`
	Cores    int     `json:"cores"`
	MemoryGB float32 `json:"memoryGB"`
	DiskGB   int     `json:"diskGB"`
	// CPUType is "shared" or "dedicated", Architecture "x86" or "arm".
	CPUType      string `json:"cpuType"`
	Architecture string `json:"architecture"`
	// Monthly is the net price of a month in euros by location; a location
	// that is missing does not have the type.
	Monthly map[string]string `json:"monthly"`
	// Available lists the locations where it is in stock.
	Available []string `json:"available"`
	// TrafficTB is the traffic that is included, in TB; 0 is 20.
	TrafficTB int `json:"trafficTB,omitempty"`
}

// catalogue is the fixed part of the cloud: what can be ordered and its price.
type catalogue struct {
	AsOf              string             `json:"asOf"`
	Source            string             `json:"source"`
	Currency          string             `json:"currency"`
	VATRate           string             `json:"vatRate"`
	Locations         []schema.Location  `json:"locations"`
	Datacenters       []datacenter       `json:"datacenters"`
	Images            []image            `json:"images"`
	ServerTypes       []ServerType       `json:"serverTypes"`
	LoadBalancerTypes []loadBalancerType `json:"loadBalancerTypes"`
	Prices            struct {
		PrimaryIPv4      string `json:"primaryIPv4"`
		FloatingIPv4     string `json:"floatingIPv4"`
		FloatingIPv6     string `json:"floatingIPv6"`
		VolumeGB         string `json:"volumeGB"`
		ImageGB          string `json:"imageGB"`
		TrafficTB        string `json:"trafficTB"`
		TrafficTBSin     string `json:"trafficTBSin"`
		BackupPercentage string `json:"backupPercentage"`
	} `json:"prices"`

	vat decimal.Decimal
}

type datacenter struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Location string `json:"location"`
}

type image struct {
	ID           int64   `json:"id"`
	Name         string  `json:"name"`
	Description  string  `json:"description"`
	Flavor       string  `json:"flavor"`
	Version      string  `json:"version"`
	Architecture string  `json:"architecture"`
	DiskGB       float32 `json:"diskGB"`
}

// loadBalancerType is a load balancer type; Monthly is empty where no source
// names a price.
type loadBalancerType struct {
	ID             int64             `json:"id"`
	Name           string            `json:"name"`
	Description    string            `json:"description"`
	MaxConnections int               `json:"maxConnections"`
	MaxServices    int               `json:"maxServices"`
	MaxTargets     int               `json:"maxTargets"`
	MaxCerts       int               `json:"maxCertificates"`
	Monthly        map[string]string `json:"monthly"`
}

// newCatalogue reads the embedded data; types, if any, replace its server
// types.
func newCatalogue(types []ServerType) (*catalogue, error) {
	c := &catalogue{}
	if err := json.Unmarshal(cloudData, c); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the simulated cloud's catalogue is damaged")
	}
	if types != nil {
		c.ServerTypes = types
	}
	var err error
	if c.vat, err = decimal.NewFromString(c.VATRate); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the simulated cloud's VAT rate is not a number")
	}
	for _, t := range c.ServerTypes {
		for location, price := range t.Monthly {
			if _, found := c.location(location); !found {
				return nil, fault.New(fault.Invalid, "server type %s has a price at %q, which is no location", t.Name, location).At("types")
			}
			if _, err := decimal.NewFromString(price); err != nil {
				return nil, fault.New(fault.Invalid, "the price of server type %s is not a number", t.Name).At("types")
			}
		}
	}
	return c, nil
}

func (c *catalogue) location(name string) (schema.Location, bool) {
	i := slices.IndexFunc(c.Locations, func(l schema.Location) bool { return l.Name == name })
	if i < 0 {
		return schema.Location{}, false
	}
	return c.Locations[i], true
}

func (c *catalogue) hasZone(zone string) bool {
	return slices.ContainsFunc(c.Locations, func(l schema.Location) bool { return l.NetworkZone == zone })
}

func (c *catalogue) zone(location string) string {
	l, _ := c.location(location)
	return l.NetworkZone
}

// serverType finds a type by id or name.
func (c *catalogue) serverType(by schema.IDOrName) (ServerType, error) {
	i := slices.IndexFunc(c.ServerTypes, func(t ServerType) bool { return t.Name == by.Name || (by.ID != 0 && t.ID == by.ID) })
	if i < 0 {
		return ServerType{}, invalid("server_type", "server type does not exist")
	}
	return c.ServerTypes[i], nil
}

// image finds an image by id, or by name for an architecture.
func (c *catalogue) image(by schema.IDOrName, architecture string) (image, error) {
	i := slices.IndexFunc(c.Images, func(m image) bool {
		return (by.ID != 0 && m.ID == by.ID) || (m.Name == by.Name && m.Architecture == architecture)
	})
	if i < 0 {
		return image{}, invalid("image", "image does not exist for this architecture")
	}
	if c.Images[i].Architecture != architecture {
		return image{}, invalid("image", "the image is for %s and the server type for %s", c.Images[i].Architecture, architecture)
	}
	return c.Images[i], nil
}

func (c *catalogue) loadBalancerType(by schema.IDOrName) (loadBalancerType, error) {
	i := slices.IndexFunc(c.LoadBalancerTypes, func(t loadBalancerType) bool { return t.Name == by.Name || (by.ID != 0 && t.ID == by.ID) })
	if i < 0 {
		return loadBalancerType{}, invalid("load_balancer_type", "load balancer type does not exist")
	}
	return c.LoadBalancerTypes[i], nil
}

func listLocations(c *call) (reply, error) {
	var items []item
	for _, l := range c.sim.cat.Locations {
		items = append(items, item{id: l.ID, name: l.Name, view: l})
	}
	return c.list("locations", items)
}

func getLocation(c *call) (reply, error) {
	id, err := c.pathID("id")
	if err != nil {
		return reply{}, err
	}
	for _, l := range c.sim.cat.Locations {
		if l.ID == id {
			return ok(schema.LocationGetResponse{Location: l}), nil
		}
	}
	return reply{}, notFound("location", id)
}

// datacenterView lists what a datacenter has and what is in stock there.
func (c *call) datacenterView(d datacenter) schema.Datacenter {
	l, _ := c.sim.cat.location(d.Location)
	types := &schema.DatacenterServerTypes{Supported: []int64{}, AvailableForMigration: []int64{}, Available: []int64{}}
	for _, t := range c.sim.cat.ServerTypes {
		if _, sold := t.Monthly[l.Name]; !sold {
			continue
		}
		types.Supported = append(types.Supported, t.ID)
		if c.inStock(t, l.Name) {
			types.Available = append(types.Available, t.ID)
			types.AvailableForMigration = append(types.AvailableForMigration, t.ID)
		}
	}
	return schema.Datacenter{ID: d.ID, Name: d.Name, Description: d.Name, Location: l, ServerTypes: types}
}

func listDatacenters(c *call) (reply, error) {
	var items []item
	for _, d := range c.sim.cat.Datacenters {
		items = append(items, item{id: d.ID, name: d.Name, view: c.datacenterView(d)})
	}
	return c.list("datacenters", items)
}

func getDatacenter(c *call) (reply, error) {
	id, err := c.pathID("id")
	if err != nil {
		return reply{}, err
	}
	for _, d := range c.sim.cat.Datacenters {
		if d.ID == id {
			return ok(schema.DatacenterGetResponse{Datacenter: c.datacenterView(d)}), nil
		}
	}
	return reply{}, notFound("datacenter", id)
}

// inStock reports whether a type can be ordered at a location now.
func (c *call) inStock(t ServerType, location string) bool {
	return slices.Contains(t.Available, location) && c.p.Faults.sells(t.Name, location)
}

// checkStock refuses a type that a location does not have, or has not now.
func (c *call) checkStock(t ServerType, location string) error {
	if _, sold := t.Monthly[location]; !sold {
		return invalid("server_type", "unsupported location for server type")
	}
	if !c.inStock(t, location) {
		return refuse(http.StatusPreconditionFailed, hcloud.ErrorCodeResourceUnavailable, "error during placement: %s is not available at %s", t.Name, location)
	}
	return nil
}

func (c *call) serverTypeView(t ServerType) schema.ServerType {
	out := schema.ServerType{
		ID: t.ID, Name: t.Name, Description: t.Description, Category: t.Category, Cores: t.Cores, Memory: t.MemoryGB, Disk: t.DiskGB,
		StorageType: "local", CPUType: t.CPUType, Architecture: t.Architecture, IncludedTraffic: int64(t.traffic()),
		Prices: c.sim.cat.serverTypePrices(t), Locations: []schema.ServerTypeLocation{},
	}
	for _, l := range c.sim.cat.Locations {
		if _, sold := t.Monthly[l.Name]; sold {
			available := c.inStock(t, l.Name)
			out.Locations = append(out.Locations, schema.ServerTypeLocation{ID: l.ID, Name: l.Name, Available: available, Recommended: available})
		}
	}
	return out
}

func listServerTypes(c *call) (reply, error) {
	var items []item
	for _, t := range c.sim.cat.ServerTypes {
		items = append(items, item{id: t.ID, name: t.Name, view: c.serverTypeView(t)})
	}
	return c.list("server_types", items)
}

func getServerType(c *call) (reply, error) {
	id, err := c.pathID("id")
	if err != nil {
		return reply{}, err
	}
	t, err := c.sim.cat.serverType(schema.IDOrName{ID: id})
	if err != nil {
		return reply{}, notFound("server_type", id)
	}
	return ok(schema.ServerTypeGetResponse{ServerType: c.serverTypeView(t)}), nil
}

func (c *catalogue) loadBalancerTypeView(t loadBalancerType) schema.LoadBalancerType {
	return schema.LoadBalancerType{
		ID: t.ID, Name: t.Name, Description: t.Description, MaxConnections: t.MaxConnections, MaxServices: t.MaxServices,
		MaxTargets: t.MaxTargets, MaxAssignedCertificates: t.MaxCerts, Prices: c.loadBalancerTypePrices(t),
	}
}

func listLoadBalancerTypes(c *call) (reply, error) {
	var items []item
	for _, t := range c.sim.cat.LoadBalancerTypes {
		items = append(items, item{id: t.ID, name: t.Name, view: c.sim.cat.loadBalancerTypeView(t)})
	}
	return c.list("load_balancer_types", items)
}

func getLoadBalancerType(c *call) (reply, error) {
	id, err := c.pathID("id")
	if err != nil {
		return reply{}, err
	}
	t, err := c.sim.cat.loadBalancerType(schema.IDOrName{ID: id})
	if err != nil {
		return reply{}, notFound("load_balancer_type", id)
	}
	return ok(schema.LoadBalancerTypeGetResponse{LoadBalancerType: c.sim.cat.loadBalancerTypeView(t)}), nil
}

// imageBorn is the creation time that every system image shows.
var imageBorn = time.Date(2024, 4, 25, 13, 26, 27, 0, time.UTC)

func (m image) view() schema.Image {
	return schema.Image{
		ID: m.ID, Status: "available", Type: "system", Name: &m.Name, Description: m.Description, DiskSize: m.DiskGB, Created: &imageBorn,
		OSFlavor: m.Flavor, OSVersion: &m.Version, Architecture: m.Architecture, RapidDeploy: true, Labels: map[string]string{},
	}
}

func listImages(c *call) (reply, error) {
	q := c.r.URL.Query()
	wants := func(key, value string) bool { return !q.Has(key) || slices.Contains(q[key], value) }
	var items []item
	for _, m := range c.sim.cat.Images {
		if wants("architecture", m.Architecture) && wants("type", "system") && wants("status", "available") {
			items = append(items, item{id: m.ID, name: m.Name, created: imageBorn, view: m.view()})
		}
	}
	return c.list("images", items)
}

func getImage(c *call) (reply, error) {
	id, err := c.pathID("id")
	if err != nil {
		return reply{}, err
	}
	for _, m := range c.sim.cat.Images {
		if m.ID == id {
			return ok(schema.ImageGetResponse{Image: m.view()}), nil
		}
	}
	return reply{}, notFound("image", id)
}
