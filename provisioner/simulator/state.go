package simulator

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// project is everything the simulated cloud knows, as it is stored. Relations
// are kept on one side only; the views compute the other.
type project struct {
	// LastID is the newest id of any resource or action; ids are never reused.
	LastID int64 `json:"lastId"`
	// IPv4Base and IPv4Next are where in the public range this project starts
	// and which offset comes next.
	IPv4Base uint32 `json:"ipv4Base"`
	IPv4Next uint32 `json:"ipv4Next"`
	IPv6Next uint32 `json:"ipv6Next"`

	Servers         map[int64]*server                `json:"servers"`
	Networks        map[int64]*network               `json:"networks"`
	Firewalls       map[int64]*schema.Firewall       `json:"firewalls"`
	LoadBalancers   map[int64]*loadBalancer          `json:"loadBalancers"`
	SSHKeys         map[int64]*schema.SSHKey         `json:"sshKeys"`
	PlacementGroups map[int64]*schema.PlacementGroup `json:"placementGroups"`
	PrimaryIPs      map[int64]*schema.PrimaryIP      `json:"primaryIps"`
	FloatingIPs     map[int64]*schema.FloatingIP     `json:"floatingIps"`
	Volumes         map[int64]*schema.Volume         `json:"volumes"`

	Operations map[int64]*operation `json:"operations"`
	Faults     Faults               `json:"faults"`
	// Removals are the servers that are gone but whose machine still has to be
	// taken down.
	Removals []int64 `json:"removals,omitempty"`
}

// server is a stored server. Type, location and image are kept by name or id;
// addresses, volumes, firewalls and targets are found through the resources
// that refer to it.
type server struct {
	ID              int64                     `json:"id"`
	Name            string                    `json:"name"`
	Status          string                    `json:"status"`
	Created         time.Time                 `json:"created"`
	Type            string                    `json:"type"`
	Location        string                    `json:"location"`
	Image           int64                     `json:"image"`
	Labels          map[string]string         `json:"labels"`
	PlacementGroup  int64                     `json:"placementGroup,omitempty"`
	PrivateNet      []schema.ServerPrivateNet `json:"privateNet,omitempty"`
	Protection      schema.ServerProtection   `json:"protection"`
	BackupWindow    *string                   `json:"backupWindow,omitempty"`
	RescueEnabled   bool                      `json:"rescueEnabled,omitempty"`
	PrimaryDiskSize int                       `json:"primaryDiskSize"`
	// Boot is how far the machine behind the server is.
	Boot bootState `json:"boot,omitempty"`
}

// network is a stored network; who is attached is found through the servers
// and load balancers.
type network struct {
	ID         int64                    `json:"id"`
	Name       string                   `json:"name"`
	Created    time.Time                `json:"created"`
	IPRange    string                   `json:"ipRange"`
	Subnets    []schema.NetworkSubnet   `json:"subnets"`
	Routes     []schema.NetworkRoute    `json:"routes"`
	Protection schema.NetworkProtection `json:"protection"`
	Labels     map[string]string        `json:"labels"`
	Expose     bool                     `json:"expose,omitempty"`
}

// loadBalancer is a stored load balancer, without health, which is computed.
type loadBalancer struct {
	ID         int64                           `json:"id"`
	Name       string                          `json:"name"`
	Created    time.Time                       `json:"created"`
	Type       string                          `json:"type"`
	Location   string                          `json:"location"`
	Labels     map[string]string               `json:"labels"`
	Algorithm  string                          `json:"algorithm"`
	Protection schema.LoadBalancerProtection   `json:"protection"`
	PublicNet  schema.LoadBalancerPublicNet    `json:"publicNet"`
	PrivateNet []schema.LoadBalancerPrivateNet `json:"privateNet,omitempty"`
	Services   []schema.LoadBalancerService    `json:"services,omitempty"`
	Targets    []schema.LoadBalancerTarget     `json:"targets,omitempty"`
}

// fill makes every map exist, for a new project and for one that was stored by
// an earlier version.
func (p *project) fill() {
	orMake(&p.Servers)
	orMake(&p.Networks)
	orMake(&p.Firewalls)
	orMake(&p.LoadBalancers)
	orMake(&p.SSHKeys)
	orMake(&p.PlacementGroups)
	orMake(&p.PrimaryIPs)
	orMake(&p.FloatingIPs)
	orMake(&p.Volumes)
	orMake(&p.Operations)
}

func orMake[K comparable, V any](m *map[K]V) {
	if *m == nil {
		*m = map[K]V{}
	}
}

// newID gives an id that was never given before.
func (p *project) newID() int64 {
	p.LastID++
	return p.LastID
}

// find looks a resource up by id.
func find[T any](resources map[int64]*T, id int64, noun string) (*T, error) {
	if r, found := resources[id]; found {
		return r, nil
	}
	return nil, notFound(noun, id)
}

// sorted gives the resources in the order of their ids.
func sorted[T any](resources map[int64]*T) []*T {
	out := make([]*T, 0, len(resources))
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		out = append(out, resources[id])
	}
	return out
}

// checkName applies the rule for resources whose name is free text: present,
// at most 128 characters, and used by no other resource of its kind.
func checkName[T any](resources map[int64]*T, nameOf func(*T) (int64, string), self int64, noun, name string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("name", "a name is needed")
	}
	if len(name) > 128 {
		return invalid("name", "a name has at most 128 characters")
	}
	for _, r := range resources {
		if id, other := nameOf(r); other == name && id != self {
			return taken(noun, "name")
		}
	}
	return nil
}

func serverName(r *server) (int64, string)                        { return r.ID, r.Name }
func networkName(r *network) (int64, string)                      { return r.ID, r.Name }
func firewallName(r *schema.Firewall) (int64, string)             { return r.ID, r.Name }
func loadBalancerName(r *loadBalancer) (int64, string)            { return r.ID, r.Name }
func sshKeyName(r *schema.SSHKey) (int64, string)                 { return r.ID, r.Name }
func placementGroupName(r *schema.PlacementGroup) (int64, string) { return r.ID, r.Name }
func primaryIPName(r *schema.PrimaryIP) (int64, string)           { return r.ID, r.Name }
func floatingIPName(r *schema.FloatingIP) (int64, string)         { return r.ID, r.Name }
func volumeName(r *schema.Volume) (int64, string)                 { return r.ID, r.Name }

// without gives list without the elements that drop reports, never nil.
func without[T any](list []T, drop func(T) bool) []T {
	out := make([]T, 0, len(list))
	for _, e := range list {
		if !drop(e) {
			out = append(out, e)
		}
	}
	return out
}
