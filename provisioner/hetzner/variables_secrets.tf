# Secrets. They come by a file of mode 0600 at plan and at apply; only the cloud
# token never needs to be in the plan.

variable "hcloud_token" {
  description = "The Hetzner Cloud API token. Ephemeral: it is in no plan and no state."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = length(var.hcloud_token) == 64
    error_message = "hcloud_token has exactly 64 characters."
  }
}

variable "kubeconfig_bearer_token" {
  description = "The single-use bearer that the kubeconfig is posted with."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9._~+/=-]*$", var.kubeconfig_bearer_token))
    error_message = "kubeconfig_bearer_token has a character that no bearer token may have."
  }
}

variable "handover_jwt_public_key" {
  description = "The public key that handover tokens are checked with, a JWK."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.handover_jwt_public_key == "" || can(jsondecode(var.handover_jwt_public_key).kty)
    error_message = "handover_jwt_public_key is a JWK in JSON."
  }
}

variable "object_storage_access_key" {
  description = "The object storage's access key."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.object_storage_access_key) >= 16 && length(var.object_storage_access_key) <= 64
    error_message = "object_storage_access_key has 16 to 64 characters."
  }

  validation {
    condition     = !can(regex("[[:cntrl:]]", var.object_storage_access_key))
    error_message = "object_storage_access_key is one line of text."
  }
}

variable "object_storage_secret_key" {
  description = "The object storage's secret key."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.object_storage_secret_key) >= 32 && length(var.object_storage_secret_key) <= 128
    error_message = "object_storage_secret_key has 32 to 128 characters."
  }

  validation {
    condition     = !can(regex("[[:cntrl:]]", var.object_storage_secret_key))
    error_message = "object_storage_secret_key is one line of text."
  }
}

variable "ghcr_pull_token" {
  description = "Pulls the Blueprints from the registry."
  type        = string
  default     = ""
  sensitive   = true
}

variable "harbor_robot_token" {
  description = "Pulls images through the registry cache."
  type        = string
  default     = ""
  sensitive   = true
}

variable "dynadot_key" {
  description = "The registrar's API key."
  type        = string
  default     = ""
  sensitive   = true
}

variable "dynadot_secret" {
  description = "The registrar's API secret."
  type        = string
  default     = ""
  sensitive   = true
}

variable "dynadot_managed_domains" {
  description = "The domains that the registrar manages."
  type        = string
  default     = ""
}

variable "powerdns_api_key" {
  description = "The pool's PowerDNS API key."
  type        = string
  default     = ""
  sensitive   = true
}

variable "pdm_basic_auth_user" {
  description = "The pool-domain-manager's user."
  type        = string
  default     = ""
  sensitive   = true
}

variable "pdm_basic_auth_pass" {
  description = "The pool-domain-manager's password."
  type        = string
  default     = ""
  sensitive   = true
}
