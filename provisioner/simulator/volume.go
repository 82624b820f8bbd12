package simulator

import (
	"net/http"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// The sizes of a volume in GB, and how many a server can have.
const (
	minVolume        = 10
	maxVolume        = 10240
	maxServerVolumes = 16
)

func listVolumes(c *call) (reply, error) {
	states := c.r.URL.Query().Get("status")
	var items []item
	for _, v := range sorted(c.p.Volumes) {
		if states == "" || v.Status == states {
			items = append(items, item{id: v.ID, name: v.Name, status: v.Status, created: v.Created, labels: v.Labels, view: v})
		}
	}
	return c.list("volumes", items)
}

func (c *call) volume() (*schema.Volume, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.Volumes, id, "volume")
}

func getVolume(c *call) (reply, error) {
	v, err := c.volume()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.VolumeGetResponse{Volume: *v}), nil
}

func createVolume(c *call) (reply, error) {
	in, err := decode[schema.VolumeCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.Volumes, volumeName, 0, "volume", in.Name); err != nil {
		return reply{}, err
	}
	if in.Size < minVolume || in.Size > maxVolume {
		return reply{}, invalid("size", "a volume has from %d to %d GB", minVolume, maxVolume)
	}
	if in.Format != nil && *in.Format != "ext4" && *in.Format != "xfs" {
		return reply{}, invalid("format", "the format is ext4 or xfs")
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	if len(c.p.Volumes) >= c.sim.limit("volumes") {
		return reply{}, overLimit("volume_limit")
	}
	var location schema.Location
	switch {
	case in.Server != nil && in.Location != nil:
		return reply{}, invalid("location", "name a server or a location, not both")
	case in.Server != nil:
		s, err := c.diskSlot(*in.Server)
		if err != nil {
			return reply{}, err
		}
		location, _ = c.sim.cat.location(s.Location)
	case in.Location != nil:
		for _, l := range c.sim.cat.Locations {
			if l.Name == in.Location.Name || l.ID == in.Location.ID {
				location = l
			}
		}
	}
	if location.ID == 0 {
		return reply{}, invalid("location", "location does not exist")
	}
	v := &schema.Volume{ID: c.p.newID(), Name: in.Name, Status: "creating", Location: location, Size: in.Size, Format: in.Format, Labels: labels, Created: c.now}
	v.LinuxDevice = "/dev/disk/by-id/scsi-0HC_Volume_" + itoa(v.ID)
	c.p.Volumes[v.ID] = v
	create := c.begin("create_volume", 2, change{}, ref("volume", v.ID))
	action, next := create.view(c.now), []*operation{}
	if in.Server != nil {
		next = append(next, c.beginAfter(create, "attach_volume", 1.5, change{Server: *in.Server}, ref("volume", v.ID), ref("server", *in.Server)))
	}
	c.created = v.Name
	return created(schema.VolumeCreateResponse{Volume: *v, Action: &action, NextActions: c.actions(next)}), nil
}

// diskSlot is a server that can take one more volume now.
func (c *call) diskSlot(id int64) (*server, error) {
	s, err := find(c.p.Servers, id, "server")
	if err != nil {
		return nil, err
	}
	if c.p.locked(id) {
		return nil, refuse(http.StatusLocked, hcloud.ErrorCodeLocked, "server is locked")
	}
	attached := 0
	for _, v := range c.p.Volumes {
		if v.Server != nil && *v.Server == id {
			attached++
		}
	}
	if attached >= maxServerVolumes {
		return nil, overLimit("server_volume_limit")
	}
	return s, nil
}

func updateVolume(c *call) (reply, error) {
	v, err := c.volume()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.VolumeUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := checkName(c.p.Volumes, volumeName, v.ID, "volume", in.Name); err != nil {
			return reply{}, err
		}
		v.Name = in.Name
	}
	if v.Labels, err = labelsOf(in.Labels, v.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.VolumeUpdateResponse{Volume: *v}), nil
}

// idleVolume is the volume of the path while no action runs on it.
func (c *call) idleVolume() (*schema.Volume, error) {
	v, err := c.volume()
	if err != nil {
		return nil, err
	}
	if c.p.busy("volume", v.ID) {
		return nil, refuse(http.StatusLocked, hcloud.ErrorCodeLocked, "volume is locked")
	}
	return v, nil
}

func deleteVolume(c *call) (reply, error) {
	v, err := c.idleVolume()
	if err != nil {
		return reply{}, err
	}
	if v.Protection.Delete {
		return reply{}, protected("volume")
	}
	if v.Server != nil {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeResourceInUse, "volume with ID '%d' is attached to a server", v.ID)
	}
	delete(c.p.Volumes, v.ID)
	return noContent(), nil
}

func attachVolume(c *call) (reply, error) {
	v, err := c.idleVolume()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.VolumeActionAttachVolumeRequest](c)
	if err != nil {
		return reply{}, err
	}
	if v.Server != nil {
		return reply{}, refuse(http.StatusConflict, hcloud.ErrorCodeVolumeAlreadyAttached, "volume with ID '%d' is already attached", v.ID)
	}
	s, err := c.diskSlot(in.Server)
	if err != nil {
		return reply{}, err
	}
	if s.Location != v.Location.Name {
		return reply{}, invalid("server", "the server is in another location than the volume")
	}
	return c.action(c.begin("attach_volume", 1.5, change{Server: s.ID}, ref("volume", v.ID), ref("server", s.ID))), nil
}

func detachVolume(c *call) (reply, error) {
	v, err := c.idleVolume()
	if err != nil {
		return reply{}, err
	}
	if v.Server == nil {
		return reply{}, refuse(http.StatusUnprocessableEntity, hcloud.ErrorCodeInvalidInput, "volume with ID '%d' is not attached", v.ID)
	}
	return c.action(c.begin("detach_volume", 1.5, change{}, ref("volume", v.ID), ref("server", *v.Server))), nil
}

func resizeVolume(c *call) (reply, error) {
	v, err := c.idleVolume()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.VolumeActionResizeVolumeRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Size <= v.Size || in.Size > maxVolume {
		return reply{}, invalid("size", "a volume can only grow, up to %d GB", maxVolume)
	}
	return c.action(c.begin("resize_volume", 1.5, change{Size: in.Size}, ref("volume", v.ID))), nil
}

func changeVolumeProtection(c *call) (reply, error) {
	v, err := c.idleVolume()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.VolumeActionChangeProtectionRequest](c)
	if err != nil {
		return reply{}, err
	}
	return c.action(c.begin("change_protection", 0.5, change{Protected: in.Delete}, ref("volume", v.ID))), nil
}

// applyVolume makes the change of an operation on a volume.
func (p *project) applyVolume(v *schema.Volume, o *operation) {
	switch ch := o.Change; o.Action.Command {
	case "create_volume":
		v.Status = "available"
	case "attach_volume":
		if p.Servers[ch.Server] != nil {
			v.Server = &ch.Server
		}
	case "detach_volume":
		v.Server = nil
	case "resize_volume":
		v.Size = ch.Size
	case "change_protection":
		if ch.Protected != nil {
			v.Protection.Delete = *ch.Protected
		}
	}
}
