# The shape of what is built, without a cloud.

mock_provider "hcloud" {
  mock_resource "hcloud_network" { defaults = { id = "1" } }
  mock_resource "hcloud_ssh_key" { defaults = { id = "2" } }
  mock_resource "hcloud_firewall" { defaults = { id = "3" } }
  mock_resource "hcloud_placement_group" { defaults = { id = "4" } }
  mock_resource "hcloud_load_balancer" { defaults = { id = "5", ipv4 = "127.64.0.5" } }
  mock_resource "hcloud_server" { defaults = { id = "6", ipv4_address = "127.64.0.6" } }
}

variables {
  sovereign_fqdn             = "acme.omani.works"
  deployment_id              = "98395b3d9bd9c1aa"
  org_name                   = "Acme \"L'Orient\" & Söhne"
  org_email                  = "sara@acme.example"
  hcloud_token               = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  hcloud_project_id          = "4711"
  region                     = "hel1"
  ssh_public_key             = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake catalyst@acme"
  object_storage_region      = "hel1"
  object_storage_access_key  = "AAAABBBBCCCCDDDD"
  object_storage_secret_key  = "0123456789abcdef0123456789abcdef"
  object_storage_bucket_name = "catalyst-acme-omani-works"
  kubeconfig_bearer_token    = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface"
  handover_jwt_public_key    = "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"
  catalyst_api_url           = "http://127.0.0.1:8080"
  apps                       = ["nextcloud", "vaultwarden"]
}

run "default" {
  assert {
    condition     = length(hcloud_server.control_plane) == 1 && length(hcloud_server.worker) == 2
    error_message = "one control plane and two workers"
  }
  assert {
    condition     = length(hcloud_load_balancer.main) == 2 && hcloud_load_balancer_network.main["hel1-1"].ip == "10.0.1.254"
    error_message = "the common load balancer at .254 and one for the console"
  }
  assert {
    condition     = length(hcloud_load_balancer_target.main) == 4 && length(hcloud_load_balancer_service.main) == 5
    error_message = "both load balancers reach both workers, with three and two services"
  }
  assert {
    condition     = length(local.releases) == 37 && contains(local.releases["app-nextcloud"].needs, "bp-cnpg")
    error_message = "the kit of 35 and a release per app, which waits for its database"
  }
  assert {
    condition     = alltrue(flatten([for n, r in local.releases : [for d in r.needs : contains(keys(local.releases), d)]]))
    error_message = "no release waits for one that is not there"
  }
  assert {
    condition     = hcloud_server.control_plane["hel1-1-cp1"].labels["catalyst.openova.io/sovereign"] == "acme.omani.works"
    error_message = "every server says whose it is"
  }
  assert {
    condition     = alltrue([for u in local.control_plane_user_data : length(u) < 16000])
    error_message = "half of user_data is left for more apps"
  }
  assert {
    condition     = output.console_url == "https://console.acme.omani.works" && output.control_plane_ip == "127.64.0.6"
    error_message = "the outputs name the Sovereign"
  }
}

run "high_availability" {
  variables {
    ha_enabled                = true
    worker_count              = 0
    console_isolation_enabled = "false"
  }
  assert {
    condition     = length(hcloud_server.control_plane) == 3 && length(hcloud_load_balancer.main) == 1
    error_message = "three control planes, one load balancer"
  }
  assert {
    condition     = length(hcloud_load_balancer_target.main) == 3
    error_message = "without workers the control planes carry the gateway"
  }
  assert {
    condition     = length([for u in local.control_plane_user_data : u if strcontains(u, "kubeconfig.header")]) == 1
    error_message = "only the first control plane has the bearer"
  }
}

run "two_regions" {
  variables {
    bcp_topology      = "active-hotstandby"
    cluster_mesh_name = "acme-mesh"
    cluster_mesh_id   = 74
    regions = [
      { provider = "hetzner", cloudRegion = "hel1", controlPlaneSize = "cpx22", workerSize = "cpx32", workerCount = 1 },
      { provider = "hetzner", cloudRegion = "nbg1", controlPlaneSize = "cpx22", workerSize = "cpx32", workerCount = 1 },
    ]
  }
  assert {
    condition     = length(hcloud_server.control_plane) == 2 && hcloud_network_subnet.main["nbg1-2"].ip_range == "10.0.2.0/24"
    error_message = "each region has its control plane and its subnet"
  }
  assert {
    condition     = output.secondary_region_keys == ["nbg1-2"] && local.regions["nbg1-2"].mesh_id == 75 && local.regions["nbg1-2"].mesh_name == "acme-nbg"
    error_message = "the second region has the next mesh id"
  }
  assert {
    condition     = length([for u in local.control_plane_user_data : u if strcontains(u, "/api/v1/deployments/98395b3d9bd9c1aa/kubeconfig")]) == 1
    error_message = "only the primary region reports"
  }
}

run "all_apps_and_fifty_workers" {
  variables {
    worker_count = 50
    apps         = [for n in range(40) : "some-rather-long-app-name-${n}"]
  }
  assert {
    condition     = length(hcloud_server.worker) == 50
    error_message = "fifty workers"
  }
}
