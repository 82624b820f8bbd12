package simulator

import (
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
	"golang.org/x/crypto/ssh"
)

func listSSHKeys(c *call) (reply, error) {
	fingerprint := c.r.URL.Query().Get("fingerprint")
	var items []item
	for _, k := range sorted(c.p.SSHKeys) {
		if fingerprint == "" || k.Fingerprint == fingerprint {
			items = append(items, item{id: k.ID, name: k.Name, created: k.Created, labels: k.Labels, view: k})
		}
	}
	return c.list("ssh_keys", items)
}

func (c *call) sshKey() (*schema.SSHKey, error) {
	id, err := c.pathID("id")
	if err != nil {
		return nil, err
	}
	return find(c.p.SSHKeys, id, "ssh_key")
}

func getSSHKey(c *call) (reply, error) {
	k, err := c.sshKey()
	if err != nil {
		return reply{}, err
	}
	return ok(schema.SSHKeyGetResponse{SSHKey: *k}), nil
}

func createSSHKey(c *call) (reply, error) {
	in, err := decode[schema.SSHKeyCreateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if err := checkName(c.p.SSHKeys, sshKeyName, 0, "SSH key", in.Name); err != nil {
		return reply{}, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(in.PublicKey))
	if err != nil {
		return reply{}, invalid("public_key", "an SSH public key in the format of authorized_keys is needed")
	}
	fingerprint := ssh.FingerprintLegacyMD5(key)
	for _, k := range c.p.SSHKeys {
		if k.Fingerprint == fingerprint {
			return reply{}, taken("SSH key", "fingerprint")
		}
	}
	labels, err := checkLabels(in.Labels)
	if err != nil {
		return reply{}, err
	}
	k := &schema.SSHKey{ID: c.p.newID(), Name: in.Name, Fingerprint: fingerprint, PublicKey: strings.TrimSpace(in.PublicKey), Labels: labels, Created: c.now}
	c.p.SSHKeys[k.ID] = k
	c.created = k.Name
	return created(schema.SSHKeyCreateResponse{SSHKey: *k}), nil
}

func updateSSHKey(c *call) (reply, error) {
	k, err := c.sshKey()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[schema.SSHKeyUpdateRequest](c)
	if err != nil {
		return reply{}, err
	}
	if in.Name != "" {
		if err := checkName(c.p.SSHKeys, sshKeyName, k.ID, "SSH key", in.Name); err != nil {
			return reply{}, err
		}
		k.Name = in.Name
	}
	if k.Labels, err = labelsOf(in.Labels, k.Labels); err != nil {
		return reply{}, err
	}
	return ok(schema.SSHKeyUpdateResponse{SSHKey: *k}), nil
}

func deleteSSHKey(c *call) (reply, error) {
	k, err := c.sshKey()
	if err != nil {
		return reply{}, err
	}
	delete(c.p.SSHKeys, k.ID)
	return noContent(), nil
}
