# The ways in: one load balancer per region, and one more for the console of the
# primary region when it is isolated, so that a flood of the apps' traffic leaves
# the console reachable. Both send TCP through to Cilium's gateway, which ends TLS.

locals {
  load_balancers = merge(
    { for key, r in local.regions : key => { region = key, name = "${local.name}${r.suffix}", ip = cidrhost(r.subnet, 254), ports = [53, 80, 443] } },
    var.console_isolation_enabled != "true" ? {} : {
      console = { region = local.primary, name = "${local.name}-console", ip = cidrhost(local.regions[local.primary].subnet, 253), ports = [80, 443] }
    },
  )

  # Workers carry the gateway; a region without workers has its control planes do it.
  targets = merge([
    for key, lb in local.load_balancers : {
      for server in(local.regions[lb.region].worker_count > 0
        ? [for k, w in local.workers : k if w.region == lb.region]
        : [for k, c in local.control_planes : k if c.region == lb.region]
      ) : "${key}/${server}" => { load_balancer = key, server = server }
    }
  ]...)

  services = merge([
    for key, lb in local.load_balancers : { for port in lb.ports : "${key}/${port}" => { load_balancer = key, port = port } }
  ]...)
}

resource "hcloud_load_balancer" "main" {
  for_each = local.load_balancers

  name               = each.value.name
  load_balancer_type = "lb11"
  location           = local.regions[each.value.region].location
  labels = merge(local.labels, {
    "catalyst.openova.io/role"      = each.key == "console" ? "console" : "ingress"
    "catalyst.openova.io/region"    = local.regions[each.value.region].location
    "catalyst.openova.io/region-id" = each.value.region
  })
}

# The address is pinned: left to itself a load balancer takes the lowest free one,
# which is the first control plane's.
resource "hcloud_load_balancer_network" "main" {
  for_each = local.load_balancers

  load_balancer_id = hcloud_load_balancer.main[each.key].id
  network_id       = hcloud_network.main.id
  ip               = each.value.ip

  depends_on = [hcloud_network_subnet.main]
}

resource "hcloud_load_balancer_target" "main" {
  for_each = local.targets

  type             = "server"
  load_balancer_id = hcloud_load_balancer.main[each.value.load_balancer].id
  server_id        = try(hcloud_server.worker[each.value.server].id, hcloud_server.control_plane[each.value.server].id)
  use_private_ip   = true

  depends_on = [hcloud_load_balancer_network.main]
}

resource "hcloud_load_balancer_service" "main" {
  for_each = local.services

  load_balancer_id = hcloud_load_balancer.main[each.value.load_balancer].id
  protocol         = "tcp"
  listen_port      = each.value.port
  destination_port = each.value.port

  health_check {
    protocol = "tcp"
    port     = each.value.port
    interval = 15
    timeout  = 10
    retries  = 3
  }
}
