output "sovereign_fqdn" {
  value = var.sovereign_fqdn
}

output "control_plane_ip" {
  description = "The public address of the primary region's first control plane."
  value       = hcloud_server.control_plane["${local.primary}-cp1"].ipv4_address
}

output "load_balancer_ip" {
  value = hcloud_load_balancer.main[local.primary].ipv4
}

output "console_load_balancer_ip" {
  description = "Where the console's name points; the common load balancer when the console is not isolated."
  value       = try(hcloud_load_balancer.main["console"].ipv4, hcloud_load_balancer.main[local.primary].ipv4)
}

output "console_url" {
  value = "https://console.${var.sovereign_fqdn}"
}

output "gitops_repo_url" {
  value = "https://gitea.${var.sovereign_fqdn}"
}

output "object_storage_endpoint" {
  value = "https://${var.object_storage_region}.your-objectstorage.com"
}

output "object_storage_region" {
  value = var.object_storage_region
}

output "object_storage_bucket" {
  value = var.object_storage_bucket_name
}

output "secondary_region_keys" {
  value = local.secondary_keys
}

output "control_plane_ips_by_region" {
  description = "The first control plane's public address, by region key."
  value       = { for k, r in local.regions : k => hcloud_server.control_plane["${k}-cp1"].ipv4_address }
}

output "load_balancer_ips_by_region" {
  value = { for k, r in local.regions : k => hcloud_load_balancer.main[k].ipv4 }
}

output "control_plane_ips_per_region" {
  description = "Every control plane's public address, by region key."
  value = {
    for k, r in local.regions : k => [for n in range(var.ha_enabled ? 3 : 1) : hcloud_server.control_plane["${k}-cp${n + 1}"].ipv4_address]
  }
}
