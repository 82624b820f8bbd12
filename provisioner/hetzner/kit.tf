# What Flux installs. The order is upstream's; the graph decides.

locals {
  kit = {
    bp-cilium            = []
    bp-cert-manager      = ["bp-cilium"]
    bp-flux              = ["bp-cert-manager"]
    bp-crossplane        = ["bp-flux"]
    bp-sealed-secrets    = ["bp-cert-manager"]
    bp-spire             = ["bp-cert-manager"]
    bp-nats-jetstream    = ["bp-spire"]
    bp-openbao           = ["bp-spire"]
    bp-keycloak          = ["bp-cert-manager"]
    bp-gitea             = ["bp-keycloak"]
    bp-powerdns          = ["bp-cert-manager"]
    bp-external-dns      = ["bp-cert-manager", "bp-powerdns"]
    bp-catalyst-platform = ["bp-gitea"]
    bp-crossplane-claims = ["bp-crossplane"]
    bp-external-secrets  = ["bp-openbao", "bp-cert-manager"]
    bp-cnpg              = ["bp-flux"]
    bp-valkey            = ["bp-flux"]
    bp-seaweedfs         = ["bp-flux", "bp-cert-manager"]
    bp-harbor            = ["bp-cnpg", "bp-seaweedfs", "bp-cert-manager"]
    bp-opentelemetry     = ["bp-cert-manager"]
    bp-alloy             = ["bp-opentelemetry"]
    bp-loki              = ["bp-seaweedfs"]
    bp-mimir             = ["bp-seaweedfs"]
    bp-tempo             = ["bp-seaweedfs"]
    bp-grafana           = ["bp-cnpg", "bp-loki", "bp-mimir", "bp-tempo", "bp-keycloak"]
    bp-langfuse          = ["bp-cnpg", "bp-keycloak", "bp-cert-manager"]
    bp-kyverno           = ["bp-cilium"]
    bp-reloader          = []
    bp-vpa               = []
    bp-trivy             = ["bp-cert-manager"]
    bp-falco             = ["bp-cilium"]
    bp-sigstore          = ["bp-cert-manager"]
    bp-syft-grype        = ["bp-cert-manager"]
    bp-velero            = ["bp-seaweedfs"]
    bp-coraza            = ["bp-cilium", "bp-cert-manager"]
  }

  # The databases that an app needs from the kit. What is not named brings its own,
  # as the MySQL apps do.
  app_databases = merge(
    { for slug in ["nextcloud", "umami", "listmonk", "cal-com", "gitea", "formbricks", "nocodb"] : slug => ["bp-cnpg"] },
    { chatwoot = ["bp-cnpg", "bp-valkey"] },
  )

  releases = merge(
    { for name, needs in local.kit : name => { chart = name, needs = needs, app = "" } },
    { for slug in var.apps : "app-${slug}" => {
      chart = "bp-${slug}"
      needs = concat(["bp-catalyst-platform"], lookup(local.app_databases, slug, []))
      app   = slug
    } },
  )

  helm_releases = [for name, r in local.releases : {
    apiVersion = "helm.toolkit.fluxcd.io/v2"
    kind       = "HelmRelease"
    metadata = {
      name      = name
      namespace = "flux-system"
      labels = merge({ "app.kubernetes.io/managed-by" = "catalyst" },
      r.app == "" ? {} : { "catalyst.openova.io/app" = r.app })
    }
    spec = merge(
      {
        interval    = "15m"
        releaseName = trimprefix(name, "bp-")
        # Cilium was installed by cloud-init and is taken over where it is.
        targetNamespace = name == "bp-cilium" ? "kube-system" : trimprefix(name, "bp-")
        chart = { spec = {
          chart     = r.chart
          version   = "1.x"
          sourceRef = { kind = "HelmRepository", name = "openova" }
        } }
        install    = { createNamespace = true, disableWait = true, remediation = { retries = 3 } }
        upgrade    = { disableWait = true, remediation = { retries = 3 } }
        valuesFrom = [{ kind = "ConfigMap", name = "sovereign", valuesKey = "values.yaml", optional = true }]
      },
      length(r.needs) == 0 ? {} : { dependsOn = [for n in r.needs : { name = n }] },
    )
  }]
}
