# Every rule of the variables refuses what it is there for.

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
  org_name                   = "Acme"
  org_email                  = "sara@acme.example"
  hcloud_token               = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  hcloud_project_id          = "4711"
  region                     = "hel1"
  ssh_public_key             = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake"
  object_storage_region      = "hel1"
  object_storage_access_key  = "AAAABBBBCCCCDDDD"
  object_storage_secret_key  = "0123456789abcdef0123456789abcdef"
  object_storage_bucket_name = "catalyst-acme-omani-works"
}

run "sovereign_fqdn" {
  command = plan
  variables {
    sovereign_fqdn = "1acme.works"
  }
  expect_failures = [var.sovereign_fqdn]
}

run "org_email" {
  command = plan
  variables {
    org_email = "nobody"
  }
  expect_failures = [var.org_email]
}

run "org_name" {
  command = plan
  variables {
    org_name = "two\nlines"
  }
  expect_failures = [var.org_name]
}

run "region" {
  command = plan
  variables {
    region = "sin"
  }
  expect_failures = [var.region]
}

run "control_plane_size" {
  command = plan
  variables {
    control_plane_size = "huge"
  }
  expect_failures = [var.control_plane_size]
}

run "worker_size" {
  command = plan
  variables {
    worker_size = "m5.large"
  }
  expect_failures = [var.worker_size]
}

run "worker_count" {
  command = plan
  variables {
    worker_count = 51
  }
  expect_failures = [var.worker_count]
}

run "k3s_version" {
  command = plan
  variables {
    k3s_version = "1.31"
  }
  expect_failures = [var.k3s_version]
}

run "ssh_public_key" {
  command = plan
  variables {
    ssh_public_key = "ssh-dss AAAA"
  }
  expect_failures = [var.ssh_public_key]
}

run "ssh_allowed_cidrs" {
  command = plan
  variables {
    ssh_allowed_cidrs = ["2001:db8::/32"]
  }
  expect_failures = [var.ssh_allowed_cidrs]
}

run "provider_api_cidrs" {
  command = plan
  variables {
    provider_api_cidrs = ["everywhere"]
  }
  expect_failures = [var.provider_api_cidrs]
}

run "object_storage_region" {
  command = plan
  variables {
    object_storage_region = "ash"
  }
  expect_failures = [var.object_storage_region]
}

run "object_storage_access_key" {
  command = plan
  variables {
    object_storage_access_key = "short"
  }
  expect_failures = [var.object_storage_access_key]
}

run "object_storage_secret_key" {
  command = plan
  variables {
    object_storage_secret_key = "short"
  }
  expect_failures = [var.object_storage_secret_key]
}

run "object_storage_bucket_name" {
  command = plan
  variables {
    object_storage_bucket_name = "Bad_Bucket"
  }
  expect_failures = [var.object_storage_bucket_name]
}

run "domain_mode" {
  command = plan
  variables {
    domain_mode = "dns"
  }
  expect_failures = [var.domain_mode]
}

run "marketplace_enabled" {
  command = plan
  variables {
    marketplace_enabled = "yes"
  }
  expect_failures = [var.marketplace_enabled]
}

run "bcp_topology" {
  command = plan
  variables {
    bcp_topology = "active-active"
  }
  expect_failures = [var.bcp_topology]
}

run "cluster_mesh_id" {
  command = plan
  variables {
    cluster_mesh_id = 256
  }
  expect_failures = [var.cluster_mesh_id]
}

run "deployment_id" {
  command = plan
  variables {
    deployment_id = "xyz"
  }
  expect_failures = [var.deployment_id]
}

run "default_storage_class" {
  command = plan
  variables {
    default_storage_class = "local-path"
  }
  expect_failures = [var.default_storage_class]
}

run "catalyst_api_url" {
  command = plan
  variables {
    catalyst_api_url = "https://evil/'; rm"
  }
  expect_failures = [var.catalyst_api_url]
}

run "handover_jwt_public_key" {
  command = plan
  variables {
    handover_jwt_public_key = "no json"
  }
  expect_failures = [var.handover_jwt_public_key]
}

run "apps" {
  command = plan
  variables {
    apps = ["Bad Slug"]
  }
  expect_failures = [var.apps]
}

run "parent_domains_yaml" {
  command = plan
  variables {
    parent_domains_yaml = "just text"
  }
  expect_failures = [var.parent_domains_yaml]
}

run "qa_organization" {
  command = plan
  variables {
    qa_organization = "-x"
  }
  expect_failures = [var.qa_organization]
}

run "topology_without_regions_to_match" {
  command = plan
  variables {
    regions = [
      { provider = "hetzner", cloudRegion = "hel1", controlPlaneSize = "cpx22", workerSize = "cpx32", workerCount = 1 },
      { provider = "hetzner", cloudRegion = "nbg1", controlPlaneSize = "cpx22", workerSize = "cpx32", workerCount = 1 },
    ]
  }
  expect_failures = [var.bcp_topology]
}

run "another_cloud" {
  command = plan
  variables {
    regions = [{ provider = "huawei", cloudRegion = "hel1", controlPlaneSize = "cpx22", workerSize = "cpx32", workerCount = 1 }]
  }
  expect_failures = [var.regions]
}
