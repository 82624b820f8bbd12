terraform {
  required_version = ">= 1.10.0"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

# The endpoint is not set here: HCLOUD_ENDPOINT decides between Hetzner and the
# simulator, and the runner sets it for each run.
provider "hcloud" {
  token = var.hcloud_token
}
