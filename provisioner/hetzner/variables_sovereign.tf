# What the Sovereign is. Names, types, defaults and rules are upstream's, so that
# one tofu.auto.tfvars.json serves both modules; "apps" is ours. Flags are texts.

variable "sovereign_fqdn" {
  description = "The Sovereign's domain name, e.g. acme.omani.works."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+$", var.sovereign_fqdn))
    error_message = "sovereign_fqdn is two or more lower-case labels that each start with a letter."
  }

  validation {
    condition     = length(var.sovereign_fqdn) <= 200
    error_message = "sovereign_fqdn has at most 200 characters."
  }
}

variable "sovereign_subdomain" {
  description = "The label under the pool domain."
  type        = string
  default     = ""
}

variable "sovereign_deployment_id" {
  description = "Upstream's newer name of deployment_id; either may be given."
  type        = string
  default     = ""

  validation {
    condition     = var.sovereign_deployment_id == "" || can(regex("^[0-9a-f]{16}$", var.sovereign_deployment_id))
    error_message = "sovereign_deployment_id has 16 lower-case hex characters."
  }
}

variable "deployment_id" {
  description = "The deployment, 16 lower-case hex characters."
  type        = string
  default     = ""

  validation {
    condition     = var.deployment_id == "" || can(regex("^[0-9a-f]{16}$", var.deployment_id))
    error_message = "deployment_id has 16 lower-case hex characters."
  }
}

variable "org_name" {
  description = "The Organization."
  type        = string

  validation {
    condition     = length(trimspace(var.org_name)) > 0 && length(var.org_name) <= 200
    error_message = "org_name has 1 to 200 characters."
  }

  validation {
    condition     = !can(regex("[[:cntrl:]]", var.org_name))
    error_message = "org_name is one line of text."
  }
}

variable "org_email" {
  description = "The sovereign-admin's e-mail address."
  type        = string

  validation {
    condition     = can(regex("^[^@]+@[^@]+\\.[^@]+$", var.org_email))
    error_message = "org_email is an e-mail address."
  }
}

variable "apps" {
  description = "Slugs of the chosen apps; each becomes a HelmRelease app-<slug>."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.apps : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", a))])
    error_message = "apps are slugs of lower-case letters, digits and hyphens."
  }

  validation {
    condition     = length(distinct(var.apps)) == length(var.apps)
    error_message = "apps names an app twice."
  }

  validation {
    condition     = length(var.apps) <= 40
    error_message = "apps has at most 40 entries."
  }
}

variable "marketplace_enabled" {
  description = "Whether the marketplace is shown."
  type        = string
  default     = "true"

  validation {
    condition     = contains(["true", "false"], var.marketplace_enabled)
    error_message = "marketplace_enabled is the text \"true\" or \"false\"."
  }
}

variable "bcp_topology" {
  description = "How the Sovereign survives the loss of a region."
  type        = string
  default     = "single-region"

  validation {
    condition     = contains(["single-region", "active-hotstandby", "active-active"], var.bcp_topology)
    error_message = "bcp_topology is one of single-region, active-hotstandby, active-active."
  }

  validation {
    condition     = (var.bcp_topology == "single-region") == (length(var.regions) < 2)
    error_message = "bcp_topology single-region has one region; active-hotstandby and active-active have two or more."
  }
}

variable "enable_hot_standby" {
  description = "In step with bcp_topology."
  type        = string
  default     = "false"

  validation {
    condition     = contains(["true", "false"], var.enable_hot_standby)
    error_message = "enable_hot_standby is the text \"true\" or \"false\"."
  }
}

variable "enable_shared_pg" {
  description = "One PostgreSQL cluster for all apps."
  type        = string
  default     = "true"

  validation {
    condition     = contains(["true", "false"], var.enable_shared_pg)
    error_message = "enable_shared_pg is the text \"true\" or \"false\"."
  }
}

variable "qa_fixtures_enabled" {
  description = "Test aid of upstream."
  type        = string
  default     = "false"

  validation {
    condition     = contains(["true", "false"], var.qa_fixtures_enabled)
    error_message = "qa_fixtures_enabled is the text \"true\" or \"false\"."
  }
}

variable "qa_test_session_enabled" {
  description = "Test aid of upstream."
  type        = string
  default     = "false"

  validation {
    condition     = contains(["true", "false"], var.qa_test_session_enabled)
    error_message = "qa_test_session_enabled is the text \"true\" or \"false\"."
  }
}

variable "wildcard_cert_use_staging" {
  description = "Take the wildcard certificate from the staging authority."
  type        = string
  default     = "false"

  validation {
    condition     = contains(["true", "false"], var.wildcard_cert_use_staging)
    error_message = "wildcard_cert_use_staging is the text \"true\" or \"false\"."
  }
}

variable "qa_fixtures_namespace" {
  description = "Test aid of upstream."
  type        = string
  default     = "qa-default"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.qa_fixtures_namespace))
    error_message = "qa_fixtures_namespace is a DNS-1123 label."
  }
}

variable "qa_organization" {
  description = "Test aid of upstream."
  type        = string
  default     = "default-platform"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.qa_organization))
    error_message = "qa_organization is a DNS-1123 label."
  }
}

variable "parent_domains_yaml" {
  description = "YAML list of {name, role: primary or org-pool}."
  type        = string
  default     = ""

  validation {
    condition     = var.parent_domains_yaml == "" || can([for d in yamldecode(var.parent_domains_yaml) : d.name])
    error_message = "parent_domains_yaml is a YAML list of objects with a name and a role."
  }
}

variable "domain_mode" {
  description = "Whether the domain is one of ours (pool) or the Organization's own (byo)."
  type        = string
  default     = "pool"

  validation {
    condition     = contains(["pool", "byo"], var.domain_mode)
    error_message = "domain_mode is one of pool, byo."
  }
}

variable "pool_domain" {
  description = "The pool that the subdomain is under."
  type        = string
  default     = ""
}

variable "cluster_mesh_name" {
  description = "Cilium's cluster name; empty for one region."
  type        = string
  default     = ""
}

variable "cluster_mesh_id" {
  description = "Cilium's cluster id of the primary region; further regions count on."
  type        = number
  default     = 0

  validation {
    condition     = var.cluster_mesh_id >= 0 && var.cluster_mesh_id <= 255 && floor(var.cluster_mesh_id) == var.cluster_mesh_id
    error_message = "cluster_mesh_id is a whole number from 0 to 255."
  }

  validation {
    condition     = var.cluster_mesh_id + max(length(var.regions) - 1, 0) <= 255
    error_message = "cluster_mesh_id leaves no ids up to 255 for the further regions."
  }
}

variable "catalyst_api_url" {
  description = "Where the new cluster posts its kubeconfig, without /api/v1."
  type        = string
  default     = "https://console.openova.io/sovereign"

  validation {
    condition     = can(regex("^https?://[A-Za-z0-9.:\\[\\]_~/-]+$", var.catalyst_api_url))
    error_message = "catalyst_api_url is an http or https address without a query."
  }
}

variable "gitops_repo_url" {
  description = "The Git repository of the platform."
  type        = string
  default     = "https://github.com/openova-io/openova"

  validation {
    condition     = can(regex("^https?://[^[:space:]']+$", var.gitops_repo_url))
    error_message = "gitops_repo_url is an http or https address."
  }
}

variable "gitops_branch" {
  description = "The branch of gitops_repo_url."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.gitops_branch))
    error_message = "gitops_branch is a branch name."
  }
}

variable "fire_cutover_on_handover" {
  description = "Whether the handover starts the cutover."
  type        = string
  default     = "false"

  validation {
    condition     = contains(["true", "false"], var.fire_cutover_on_handover)
    error_message = "fire_cutover_on_handover is the text \"true\" or \"false\"."
  }
}

variable "console_isolation_enabled" {
  description = "Whether the console has a load balancer of its own."
  type        = string
  default     = "true"

  validation {
    condition     = contains(["true", "false"], var.console_isolation_enabled)
    error_message = "console_isolation_enabled is the text \"true\" or \"false\"."
  }
}

variable "default_storage_class" {
  description = "The storage class of the Sovereign."
  type        = string
  default     = "hcloud-volumes"

  validation {
    condition     = !contains(["", "local-path"], var.default_storage_class)
    error_message = "default_storage_class is neither empty nor local-path."
  }
}
