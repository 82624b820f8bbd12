# A Sovereign in small: every kind of resource that the bundled module uses, and
# the ways of changing them that must not replace anything.
terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "1.68.0"
    }
  }
}

provider "hcloud" {
  poll_interval = "50ms"
  poll_function = "constant"
}

variable "worker_count" {
  type    = number
  default = 2
}

variable "worker_size" {
  type    = string
  default = "cpx32"
}

variable "open_port" {
  type    = string
  default = "6443"
}

variable "lb_type" {
  type    = string
  default = "lb11"
}

variable "volume_size" {
  type    = number
  default = 10
}

locals {
  labels = { "catalyst.openova.io/sovereign" = "acme.example.org" }
}

resource "hcloud_network" "main" {
  name     = "acme-net"
  ip_range = "10.0.0.0/16"
  labels   = local.labels
}

resource "hcloud_network_subnet" "main" {
  network_id   = hcloud_network.main.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}

resource "hcloud_firewall" "main" {
  name   = "acme-fw"
  labels = local.labels
  rule {
    direction  = "in"
    protocol   = "tcp"
    port       = var.open_port
    source_ips = ["0.0.0.0/0", "::/0"]
  }
  rule {
    direction   = "in"
    protocol    = "icmp"
    source_ips  = ["0.0.0.0/0", "::/0"]
    description = "ping"
  }
}

resource "hcloud_ssh_key" "main" {
  name       = "acme"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPP5Ns0VtNwAGx3rVTqsM3DPDZvgFHOKYX8Yb5eRAy9 acme"
}

resource "hcloud_placement_group" "main" {
  name = "acme-spread"
  type = "spread"
}

resource "hcloud_server" "control_plane" {
  name               = "acme-cp1"
  server_type        = "cpx22"
  image              = "ubuntu-24.04"
  location           = "hel1"
  ssh_keys           = [hcloud_ssh_key.main.id]
  firewall_ids       = [hcloud_firewall.main.id]
  placement_group_id = hcloud_placement_group.main.id
  user_data          = "#cloud-config\npackages: [curl]\n"
  labels             = merge(local.labels, { "catalyst.openova.io/role" = "control-plane" })

  network {
    network_id = hcloud_network.main.id
    ip         = "10.0.1.2"
    alias_ips  = []
  }
  depends_on = [hcloud_network_subnet.main]
}

resource "hcloud_server" "worker" {
  count        = var.worker_count
  name         = "acme-w${count.index + 1}"
  server_type  = var.worker_size
  keep_disk    = true
  image        = "ubuntu-24.04"
  location     = "hel1"
  ssh_keys     = [hcloud_ssh_key.main.id]
  firewall_ids = [hcloud_firewall.main.id]
  labels       = merge(local.labels, { "catalyst.openova.io/role" = "worker" })
  network {
    network_id = hcloud_network.main.id
    ip         = "10.0.1.${count.index + 10}"
    alias_ips  = []
  }
  depends_on = [hcloud_network_subnet.main]
}

resource "hcloud_load_balancer" "main" {
  name               = "acme-lb"
  load_balancer_type = var.lb_type
  location           = "hel1"
  labels             = local.labels
}

resource "hcloud_load_balancer_network" "main" {
  load_balancer_id = hcloud_load_balancer.main.id
  network_id       = hcloud_network.main.id
  ip               = "10.0.1.254"
  depends_on       = [hcloud_network_subnet.main]
}

resource "hcloud_load_balancer_target" "control_plane" {
  type             = "server"
  load_balancer_id = hcloud_load_balancer.main.id
  server_id        = hcloud_server.control_plane.id
  use_private_ip   = true
  depends_on       = [hcloud_load_balancer_network.main]
}

resource "hcloud_load_balancer_target" "workers" {
  type             = "label_selector"
  load_balancer_id = hcloud_load_balancer.main.id
  label_selector   = "catalyst.openova.io/role=worker"
  use_private_ip   = true
  depends_on       = [hcloud_load_balancer_network.main]
}

resource "hcloud_load_balancer_service" "https" {
  load_balancer_id = hcloud_load_balancer.main.id
  protocol         = "tcp"
  listen_port      = 443
  destination_port = 31443
}

resource "hcloud_load_balancer_service" "http" {
  load_balancer_id = hcloud_load_balancer.main.id
  protocol         = "http"
  listen_port      = 80
  destination_port = 31080
  health_check {
    protocol = "http"
    port     = 31080
    interval = 10
    timeout  = 5
    retries  = 3
    http {
      path         = "/healthz"
      status_codes = ["2??", "404"]
    }
  }
}

resource "hcloud_volume" "data" {
  name     = "acme-data"
  size     = var.volume_size
  location = "hel1"
  format   = "ext4"
}

resource "hcloud_volume_attachment" "data" {
  volume_id = hcloud_volume.data.id
  server_id = hcloud_server.control_plane.id
}

resource "hcloud_primary_ip" "spare" {
  name        = "acme-ip"
  type        = "ipv4"
  location    = "hel1"
  auto_delete = false
}

resource "hcloud_floating_ip" "spare" {
  name          = "acme-float"
  type          = "ipv4"
  home_location = "hel1"
}

output "control_plane_ip" {
  value = hcloud_server.control_plane.ipv4_address
}

output "load_balancer_ip" {
  value = hcloud_load_balancer.main.ipv4
}
