# The servers. Private addresses are fixed: .2 to .4 for control planes, from .11
# for workers, .253 and .254 for load balancers. An address that the cloud picks
# by itself could be one that another resource was promised.

locals {
  control_planes = merge([
    for key, r in local.regions : {
      for n in range(var.ha_enabled ? 3 : 1) : "${key}-cp${n + 1}" => {
        region = key
        n      = n
        name   = "${local.name}${r.suffix}-cp${n + 1}"
        ip     = cidrhost(r.subnet, n + 2)
      }
    }
  ]...)

  workers = merge([
    for key, r in local.regions : {
      for n in range(r.worker_count) : "${key}-w${n + 1}" => {
        region = key
        n      = n
        name   = "${local.name}${r.suffix}-w${n + 1}"
        ip     = cidrhost(r.subnet, n + 11)
      }
    }
  ]...)
}

resource "hcloud_server" "control_plane" {
  for_each = local.control_planes

  name               = each.value.name
  server_type        = local.regions[each.value.region].control_plane_size
  location           = local.regions[each.value.region].location
  image              = "ubuntu-24.04"
  ssh_keys           = [hcloud_ssh_key.main.id]
  firewall_ids       = [hcloud_firewall.main.id]
  placement_group_id = hcloud_placement_group.main[each.value.region].id
  user_data          = local.control_plane_user_data[each.key]

  labels = merge(local.labels, {
    "catalyst.openova.io/role"      = "control-plane"
    "catalyst.openova.io/region"    = local.regions[each.value.region].location
    "catalyst.openova.io/region-id" = each.value.region
  })

  network {
    network_id = hcloud_network.main.id
    ip         = each.value.ip
    alias_ips  = []
  }

  lifecycle {
    # Both are read at the first boot only. Without this an import, which knows
    # neither, would replace a running server.
    ignore_changes = [user_data, ssh_keys]

    precondition {
      condition     = length(local.control_plane_user_data[each.key]) <= 32768
      error_message = "The control plane's user_data has more than Hetzner's 32768 bytes. Choose fewer apps now and install the others from the marketplace later."
    }
  }

  depends_on = [hcloud_network_subnet.main]
}

resource "hcloud_server" "worker" {
  for_each = local.workers

  name               = each.value.name
  server_type        = local.regions[each.value.region].worker_size
  location           = local.regions[each.value.region].location
  image              = "ubuntu-24.04"
  ssh_keys           = [hcloud_ssh_key.main.id]
  firewall_ids       = [hcloud_firewall.main.id]
  placement_group_id = each.value.n < 7 ? hcloud_placement_group.main[each.value.region].id : null
  user_data          = local.worker_user_data[each.value.region]

  labels = merge(local.labels, {
    "catalyst.openova.io/role"      = "worker"
    "catalyst.openova.io/region"    = local.regions[each.value.region].location
    "catalyst.openova.io/region-id" = each.value.region
  })

  network {
    network_id = hcloud_network.main.id
    ip         = each.value.ip
    alias_ips  = []
  }

  lifecycle {
    ignore_changes = [user_data, ssh_keys]

    precondition {
      condition     = length(local.worker_user_data[each.value.region]) <= 32768
      error_message = "The worker's user_data has more than Hetzner's 32768 bytes."
    }
  }

  depends_on = [hcloud_network_subnet.main]
}
