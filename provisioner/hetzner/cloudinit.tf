# What the servers are told at their first boot. The files under /etc/catalyst and
# /var/lib/catalyst are also the interface to the simulated cloud.

locals {
  # Servers of a region join with a token that only this deployment can know. It
  # is derived, since the module has no other provider that could make one.
  node_token = {
    for key, r in local.regions :
    key => sha256("k3s-node-token/${var.sovereign_fqdn}/${key}/${var.kubeconfig_bearer_token}/${var.object_storage_secret_key}")
  }

  first_ip = { for key, r in local.regions : key => cidrhost(r.subnet, 2) }

  # What the charts may know of the Sovereign, as values and as plain entries.
  sovereign_config = {
    for key, r in local.regions : key => {
      FQDN                = var.sovereign_fqdn
      DEPLOYMENT_ID       = local.deployment_id
      ORG_NAME            = var.org_name
      ORG_EMAIL           = var.org_email
      APPS                = join(",", var.apps)
      REGION              = r.location
      DOMAIN_MODE         = var.domain_mode
      POOL_DOMAIN         = var.pool_domain
      PARENT_DOMAINS      = var.parent_domains_yaml
      BCP_TOPOLOGY        = var.bcp_topology
      HOT_STANDBY         = var.enable_hot_standby
      SHARED_PG           = var.enable_shared_pg
      MARKETPLACE_ENABLED = var.marketplace_enabled
      STORAGE_CLASS       = var.default_storage_class
      CERT_STAGING        = var.wildcard_cert_use_staging
      FIRE_CUTOVER        = var.fire_cutover_on_handover
      QA_FIXTURES         = var.qa_fixtures_enabled
      QA_TEST_SESSION     = var.qa_test_session_enabled
      QA_NAMESPACE        = var.qa_fixtures_namespace
      QA_ORGANIZATION     = var.qa_organization
      GITOPS_REPO_URL     = var.gitops_repo_url
      GITOPS_BRANCH       = var.gitops_branch
      S3_ENDPOINT         = "https://${var.object_storage_region}.your-objectstorage.com"
      S3_REGION           = var.object_storage_region
      S3_BUCKET           = var.object_storage_bucket_name
      LOAD_BALANCER_IP    = cidrhost(r.subnet, 254)
    }
  }

  manifests = {
    for key, r in local.regions : key => concat(
      [
        { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "sovereign", namespace = "flux-system" },
          data = merge(local.sovereign_config[key], {
            "values.yaml" = yamlencode({ global = { sovereign = {
              fqdn = var.sovereign_fqdn, storageClass = var.default_storage_class, orgName = var.org_name, orgEmail = var.org_email
            } } })
        }) },
        { apiVersion = "source.toolkit.fluxcd.io/v1", kind = "HelmRepository", metadata = { name = "openova", namespace = "flux-system" },
          spec = merge({ type = "oci", url = "oci://ghcr.io/openova-io", interval = "15m" },
        var.ghcr_pull_token == "" ? {} : { secretRef = { name = "ghcr-pull" } }) },
        { apiVersion = "source.toolkit.fluxcd.io/v1", kind = "GitRepository", metadata = { name = "openova", namespace = "flux-system" },
        spec = { url = var.gitops_repo_url, ref = { branch = var.gitops_branch }, interval = "15m" } },
      ],
      local.helm_releases,
    )
  }

  # One file each, so that kubectl applies secrets without any of them in an argument.
  secrets = concat(
    [
      { apiVersion = "v1", kind = "Secret", type = "Opaque", metadata = { name = "object-storage", namespace = "flux-system" },
      stringData = { accessKey = var.object_storage_access_key, secretKey = var.object_storage_secret_key } },
      { apiVersion = "v1", kind = "Secret", type = "Opaque", metadata = { name = "provisioning", namespace = "flux-system" },
        stringData = {
          harborRobotToken      = var.harbor_robot_token
          powerdnsAPIKey        = var.powerdns_api_key
          dynadotKey            = var.dynadot_key
          dynadotSecret         = var.dynadot_secret
          dynadotManagedDomains = var.dynadot_managed_domains
          pdmUser               = var.pdm_basic_auth_user
          pdmPassword           = var.pdm_basic_auth_pass
      } },
    ],
    var.ghcr_pull_token == "" ? [] : [
      { apiVersion = "v1", kind = "Secret", type = "kubernetes.io/dockerconfigjson", metadata = { name = "ghcr-pull", namespace = "flux-system" },
        stringData = { ".dockerconfigjson" = jsonencode({ auths = { "ghcr.io" = {
          username = "openova", password = var.ghcr_pull_token, auth = base64encode("openova:${var.ghcr_pull_token}")
      } } }) } },
    ],
  )

  cilium_values = {
    for key, r in local.regions : key => templatefile("${path.module}/cilium-values.yaml.tftpl", {
      mesh_name = r.mesh_name, mesh_id = r.mesh_id, api_host = local.first_ip[key], replicas = var.ha_enabled ? 2 : 1
    })
  }

  hardening = {
    enable_unattended_upgrades = var.enable_unattended_upgrades
    enable_fail2ban            = var.enable_fail2ban
  }
  common = merge(local.hardening, {
    hardening = templatefile("${path.module}/cloudinit-hardening.tftpl", local.hardening)
    script    = base64gzip(file("${path.module}/bootstrap.sh"))
  })

  env = {
    for key, r in local.regions : key => {
      NODE_TOKEN       = local.node_token[key]
      SOVEREIGN_FQDN   = var.sovereign_fqdn
      DEPLOYMENT_ID    = local.deployment_id
      CATALYST_API_URL = var.catalyst_api_url
      K3S_VERSION      = var.k3s_version
      FIRST_IP         = local.first_ip[key]
      # Only the primary region reports; the others are reached through it.
      KUBECONFIG_URL = r.primary && local.deployment_id != "" && var.kubeconfig_bearer_token != "" ? "${trimsuffix(var.catalyst_api_url, "/")}/api/v1/deployments/${local.deployment_id}/kubeconfig" : ""
    }
  }

  control_plane_user_data = {
    for key, c in local.control_planes : key => templatefile("${path.module}/cloudinit-control-plane.tftpl", merge(local.common, {
      first = c.n == 0
      env = merge(local.env[c.region], {
        ROLE           = c.n == 0 ? "server" : "join"
        PRIVATE_IP     = c.ip
        KUBECONFIG_URL = c.n == 0 ? local.env[c.region].KUBECONFIG_URL : ""
      })
      bearer        = c.n == 0 ? var.kubeconfig_bearer_token : ""
      jwk           = var.handover_jwt_public_key
      cilium_values = local.cilium_values[c.region]
      # JSON documents are YAML documents: no block style, no quoting rules.
      manifests = base64gzip(join("\n---\n", [for m in local.manifests[c.region] : jsonencode(m)]))
      secrets   = base64gzip(join("\n---\n", [for s in local.secrets : jsonencode(s)]))
    }))
  }

  worker_user_data = {
    for key, r in local.regions : key => templatefile("${path.module}/cloudinit-worker.tftpl", merge(local.common, {
      env = merge(local.env[key], { ROLE = "agent", KUBECONFIG_URL = "" })
    }))
  }
}
