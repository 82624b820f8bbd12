# Where it runs and how large it is.

variable "hcloud_project_id" {
  description = "The Hetzner Cloud project."
  type        = string
}

variable "region" {
  description = "The primary region."
  type        = string

  validation {
    condition     = contains(["fsn1", "nbg1", "hel1", "ash", "hil"], var.region)
    error_message = "region is one of fsn1, nbg1, hel1, ash, hil."
  }
}

variable "control_plane_size" {
  description = "The control planes' server type."
  type        = string
  default     = "cpx22"

  validation {
    condition     = can(regex("^(cx|cpx|ccx|cax)[0-9]+$", var.control_plane_size))
    error_message = "control_plane_size is a Hetzner server type such as cpx22."
  }
}

variable "worker_size" {
  description = "The workers' server type."
  type        = string
  default     = "cpx32"

  validation {
    condition     = var.worker_size == "" || can(regex("^(cx|cpx|ccx|cax)[0-9]+$", var.worker_size))
    error_message = "worker_size is a Hetzner server type such as cpx32."
  }

  validation {
    condition     = var.worker_size != "" || var.worker_count == 0 || length(var.regions) > 0
    error_message = "worker_size is needed when there are workers."
  }
}

variable "qa_control_plane_size" {
  description = "Test aid of upstream."
  type        = string
  default     = "cpx32"

  validation {
    condition     = can(regex("^(cx|cpx|ccx|cax)[0-9]+$", var.qa_control_plane_size))
    error_message = "qa_control_plane_size is a Hetzner server type."
  }
}

variable "qa_worker_size" {
  description = "Test aid of upstream."
  type        = string
  default     = "cpx42"

  validation {
    condition     = var.qa_worker_size == "" || can(regex("^(cx|cpx|ccx|cax)[0-9]+$", var.qa_worker_size))
    error_message = "qa_worker_size is a Hetzner server type."
  }
}

variable "worker_count" {
  description = "Workers in the primary region."
  type        = number
  default     = 2

  validation {
    condition     = var.worker_count >= 0 && var.worker_count <= 50 && floor(var.worker_count) == var.worker_count
    error_message = "worker_count is a whole number from 0 to 50."
  }
}

variable "ha_enabled" {
  description = "Three control planes in each region instead of one."
  type        = bool
  default     = false
}

variable "regions" {
  description = "All regions, the primary first; empty means the singular variables. The order is stable: it names the further regions."
  type = list(object({
    provider         = string
    cloudRegion      = string
    controlPlaneSize = string
    workerSize       = string
    workerCount      = number
  }))
  default = []

  validation {
    condition     = alltrue([for r in var.regions : contains(["hetzner", "huawei", "oci", "aws", "azure"], r.provider)])
    error_message = "regions: a provider is not one of hetzner, huawei, oci, aws and azure."
  }

  validation {
    condition     = alltrue([for r in var.regions : r.provider == "hetzner"])
    error_message = "regions: this module builds on hetzner only; leave other providers out."
  }

  validation {
    condition     = alltrue([for r in var.regions : contains(["fsn1", "nbg1", "hel1", "ash", "hil"], r.cloudRegion)])
    error_message = "regions: a cloudRegion is not one of fsn1, nbg1, hel1, ash and hil."
  }

  validation {
    condition     = alltrue([for r in var.regions : can(regex("^(cx|cpx|ccx|cax)[0-9]+$", r.controlPlaneSize)) && (r.workerCount == 0 || can(regex("^(cx|cpx|ccx|cax)[0-9]+$", r.workerSize)))])
    error_message = "regions: controlPlaneSize, and workerSize where there are workers, are Hetzner server types."
  }

  validation {
    condition     = alltrue([for r in var.regions : r.workerCount >= 0 && r.workerCount <= 50 && floor(r.workerCount) == r.workerCount])
    error_message = "regions: workerCount is a whole number from 0 to 50."
  }

  validation {
    condition     = length(var.regions) == 0 || try(var.regions[0].cloudRegion == var.region, false)
    error_message = "regions[0].cloudRegion is the same as region."
  }

  validation {
    condition     = length(var.regions) <= 5
    error_message = "regions has at most 5 entries."
  }
}

variable "k3s_version" {
  description = "The k3s release."
  type        = string
  default     = "v1.31.4+k3s1"

  validation {
    condition     = can(regex("^v\\d+\\.\\d+\\.\\d+\\+k3s\\d+$", var.k3s_version))
    error_message = "k3s_version looks like v1.31.4+k3s1."
  }
}

variable "ssh_public_key" {
  description = "The sovereign-admin's OpenSSH public key."
  type        = string

  validation {
    condition     = can(regex("^(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp256) [^\\n]+$", var.ssh_public_key))
    error_message = "ssh_public_key is one line that starts with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256."
  }
}

variable "ssh_allowed_cidrs" {
  description = "IPv4 networks that may reach SSH; empty closes it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.ssh_allowed_cidrs : can(cidrnetmask(c))])
    error_message = "ssh_allowed_cidrs are IPv4 networks such as 203.0.113.0/24."
  }
}

variable "provider_api_cidrs" {
  description = "IPv4 networks that may reach the Kubernetes API; empty means all, since the API asks for a client certificate."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for c in var.provider_api_cidrs : can(cidrnetmask(c))])
    error_message = "provider_api_cidrs are IPv4 networks such as 203.0.113.0/24."
  }
}

variable "enable_unattended_upgrades" {
  description = "Security updates install themselves."
  type        = bool
  default     = true
}

variable "enable_fail2ban" {
  description = "Hosts that guess SSH passwords are locked out."
  type        = bool
  default     = true
}

variable "object_storage_region" {
  description = "Where the object storage is."
  type        = string

  validation {
    condition     = contains(["fsn1", "nbg1", "hel1"], var.object_storage_region)
    error_message = "object_storage_region is one of fsn1, nbg1, hel1."
  }
}

variable "object_storage_bucket_name" {
  description = "The bucket for backups and artifacts."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.object_storage_bucket_name))
    error_message = "object_storage_bucket_name has 3 to 63 lower-case letters, digits and inner hyphens."
  }
}
