package simulator

import (
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// maxSpread is how many servers a spread group holds.
const maxSpread = 10

// placementGroupView is the group with its servers.
func (p *project) placementGroupView(g *schema.PlacementGroup) schema.PlacementGroup {
	out := *g
	out.Servers = []int64{}
	for _, s := range sorted(p.Servers) {
		if s.PlacementGroup == g.ID {
			out.Servers = append(out.Servers, s.ID)
		}
	}
	return out
}

// roomIn checks that a group exists and takes one more server.
func (p *project) roomIn(id int64) error {
	g := p.PlacementGroups[id]
	if g == nil {
		return notFound("placement_group", id)
	}
	coming := 0
	for _, o := range p.Operations {
		if o.Action.Status == running && o.Action.Command == "add_to_placement_group" && o.Change.GroupID == id {
			coming++
		}
	}
	if len(p.placementGroupView(g).Servers)+coming >= maxSpread {
		return overLimit("placement_group_server_limit")
	}
	return nil
}

func listPlacementGroups(c *call) (reply, error) {
	kind := c.r.URL.Query().Get("type")
	var items []item
	for _, g := range sorted(c.p.PlacementGroups) {
		if kind == "" || g.Type == kind {
			items = append(items, item{id: g.ID, name: g.Name, created: g.Created, labels: g.Labels, view: c.p.placementGroupView(g)})
		}
	}
	return c.list("placement_groups", items)
}

func (c *call) placementGroup() (*schema.PlacementGroup, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.PlacementGroups, id, "placement_group")
}

func getPlacementGroup(c *call) (reply, error) {
	g, err := c.placementGroup()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.PlacementGroupGetResponse{PlacementGroup: c.p.placementGroupView(g)}), nil
}

func createPlacementGroup(c *call) (reply, error) {
	in, err := decode[schema.PlacementGroupCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.PlacementGroups, placementGroupName, 0, "placement group", in.Name); err != nil {
		return reply{}, err
	}
	if in.Type != "spread" {
		return reply{}, invalid("type", "the type is spread")
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	g := &schema.PlacementGroup{ID: c.p.newID(), Name: in.Name, Labels: labels, Created: c.now, Type: in.Type}
	c.p.PlacementGroups[g.ID] = g
	c.created = g.Name
	return created(schema.PlacementGroupCreateResponse{PlacementGroup: c.p.placementGroupView(g)}), nil
}

func updatePlacementGroup(c *call) (reply, error) {
	g, err := c.placementGroup()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.PlacementGroupUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != nil && *in.Name != "" {
		if err := checkName(c.p.PlacementGroups, placementGroupName, g.ID, "placement group", *in.Name); err != nil {
			return reply{}, err
		}
		g.Name = *in.Name
	}
	if g.Labels, err = labelsOf(in.Labels, g.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.PlacementGroupUpdateResponse{PlacementGroup: c.p.placementGroupView(g)}), nil
}

func deletePlacementGroup(c *call) (reply, error) {
	g, err := c.placementGroup()
	if err != nil {
		return reply{}, err
	}
	if len(c.p.placementGroupView(g).Servers) > 0 {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeResourceInUse, "placement group with ID '%d' still has servers", g.ID)
	}
	delete(c.p.PlacementGroups, g.ID)
	return noContent(), nil
}
