# What all servers share, and the shape of the regions.

locals {
  deployment_id = var.deployment_id != "" ? var.deployment_id : var.sovereign_deployment_id
  name          = "catalyst-${replace(var.sovereign_fqdn, ".", "-")}"

  # The singular variables describe the primary region when no list is given.
  region_list = length(var.regions) > 0 ? var.regions : [{
    provider         = "hetzner"
    cloudRegion      = var.region
    controlPlaneSize = var.control_plane_size
    workerSize       = var.worker_size
    workerCount      = var.worker_count
  }]

  zones = {
    fsn1 = "eu-central"
    nbg1 = "eu-central"
    hel1 = "eu-central"
    ash  = "us-east"
    hil  = "us-west"
  }

  # Keyed by place and position ("hel1-2"), so that one place may occur twice and
  # adding a region at the end moves nothing.
  regions = {
    for i, r in local.region_list : "${r.cloudRegion}-${i + 1}" => {
      index              = i
      primary            = i == 0
      location           = r.cloudRegion
      zone               = local.zones[r.cloudRegion]
      subnet             = cidrsubnet("10.0.0.0/16", 8, i + 1)
      suffix             = i == 0 ? "" : "-${r.cloudRegion}-${i + 1}"
      control_plane_size = r.controlPlaneSize
      worker_size        = r.workerSize
      worker_count       = r.workerCount
      mesh_id            = var.cluster_mesh_id == 0 ? 0 : var.cluster_mesh_id + i
      mesh_name = var.cluster_mesh_name == "" ? "default" : (
        i == 0 ? var.cluster_mesh_name : "${trimsuffix(var.cluster_mesh_name, "-mesh")}-${replace(r.cloudRegion, "/[0-9]/", "")}"
      )
    }
  }
  primary        = one([for k, r in local.regions : k if r.primary])
  secondary_keys = [for i, r in local.region_list : "${r.cloudRegion}-${i + 1}" if i > 0]

  # Every resource carries who it belongs to: recovery and wiping find it by these.
  labels = merge(
    { "catalyst.openova.io/sovereign" = var.sovereign_fqdn, "catalyst.openova.io/managed-by" = "opentofu" },
    local.deployment_id == "" ? {} : {
      "catalyst.openova.io/deployment-id" = local.deployment_id
      "catalyst-deployment-id"            = local.deployment_id
    },
  )
}

resource "hcloud_network" "main" {
  name     = local.name
  ip_range = "10.0.0.0/16"
  labels   = local.labels
}

resource "hcloud_network_subnet" "main" {
  for_each = local.regions

  network_id   = hcloud_network.main.id
  type         = "cloud"
  network_zone = each.value.zone
  ip_range     = each.value.subnet
}

resource "hcloud_ssh_key" "main" {
  name       = local.name
  public_key = var.ssh_public_key
  labels     = local.labels
}

# Spread: no two servers of a region on one host. Hetzner allows ten in a group,
# so the control planes and the first workers are in it.
resource "hcloud_placement_group" "main" {
  for_each = local.regions

  name   = "${local.name}${each.value.suffix}"
  type   = "spread"
  labels = local.labels
}

resource "hcloud_firewall" "main" {
  name   = local.name
  labels = local.labels

  dynamic "rule" {
    for_each = {
      http  = { protocol = "tcp", port = "80", from = ["0.0.0.0/0", "::/0"] }
      https = { protocol = "tcp", port = "443", from = ["0.0.0.0/0", "::/0"] }
      # The Sovereign is the authority of its own zone.
      dns-tcp = { protocol = "tcp", port = "53", from = ["0.0.0.0/0", "::/0"] }
      dns-udp = { protocol = "udp", port = "53", from = ["0.0.0.0/0", "::/0"] }
      # The Kubernetes API takes client certificates only.
      api = { protocol = "tcp", port = "6443", from = length(var.provider_api_cidrs) > 0 ? var.provider_api_cidrs : ["0.0.0.0/0", "::/0"] }
    }
    content {
      description = rule.key
      direction   = "in"
      protocol    = rule.value.protocol
      port        = rule.value.port
      source_ips  = rule.value.from
    }
  }

  rule {
    description = "icmp"
    direction   = "in"
    protocol    = "icmp"
    source_ips  = ["0.0.0.0/0", "::/0"]
  }

  dynamic "rule" {
    for_each = length(var.ssh_allowed_cidrs) > 0 ? ["ssh"] : []
    content {
      description = rule.value
      direction   = "in"
      protocol    = "tcp"
      port        = "22"
      source_ips  = var.ssh_allowed_cidrs
    }
  }
}
