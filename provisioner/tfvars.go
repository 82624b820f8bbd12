package provisioner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
)

// TfvarsExtra is what a plan's variables need beside the Spec. It holds no
// secrets: these go to tofu by a file of their own.
type TfvarsExtra struct {
	// DeploymentID is 16 lower-case hex characters.
	DeploymentID string
	// CatalystAPIURL is where the new cluster posts its kubeconfig back, without
	// "/api/v1".
	CatalystAPIURL string
	// HandoverPublicJWK is the public key, as a JWK, that the new console trusts.
	HandoverPublicJWK string
	// SSHPublicKey and HetznerProjectID stand in where the Spec has none, as with
	// the simulated account.
	SSHPublicKey     string
	HetznerProjectID string
	// SSHAllowedCIDRs are IPv4 networks that may reach the servers by SSH; none
	// means that nobody can.
	SSHAllowedCIDRs []string
}

// Tfvars gives the contents of tofu.auto.tfvars.json: upstream's variables, plus
// "apps". Flags are the texts "true" and "false", as upstream's module wants
// them; names of sizes that are not known are left out rather than empty. The
// result has no secret and is deterministic.
func Tfvars(spec Spec, extra TfvarsExtra) map[string]any {
	spec = spec.Normalize()
	vars := map[string]any{
		"sovereign_fqdn":            spec.SovereignFQDN,
		"sovereign_subdomain":       spec.SovereignSubdomain,
		"sovereign_deployment_id":   extra.DeploymentID,
		"deployment_id":             extra.DeploymentID,
		"marketplace_enabled":       flag(spec.MarketplaceEnabled, true),
		"bcp_topology":              spec.topology(),
		"enable_hot_standby":        strconv.FormatBool(spec.topology() == "active-hotstandby"),
		"enable_shared_pg":          flag(spec.EnableSharedPostgres, true),
		"console_isolation_enabled": flag(spec.ConsoleIsolationEnabled, true),
		"default_storage_class":     or(spec.StorageClass, "hcloud-volumes"),
		"org_name":                  spec.OrgName,
		"org_email":                 spec.OrgEmail,
		"hcloud_project_id":         or(spec.HetznerProjectID, extra.HetznerProjectID),
		"region":                    spec.Region,
		"ha_enabled":                spec.ha(),
		"ssh_public_key":            or(spec.SSHPublicKey, extra.SSHPublicKey),
		"domain_mode":               "byo",
		"pool_domain":               "",
		"object_storage_region":     spec.ObjectStorageRegion,
		"object_storage_bucket_name": or(spec.ObjectStorageBucket,
			bucketName(spec.SovereignFQDN, extra.DeploymentID)),
		"apps": spec.Apps,
	}
	if spec.SovereignDomainMode == "pool" {
		vars["domain_mode"], vars["pool_domain"] = "pool", spec.SovereignPoolDomain
	}
	domains, _ := json.Marshal([]map[string]string{{"name": or(spec.SovereignPoolDomain, spec.SovereignFQDN), "role": "primary"}})
	vars["parent_domains_yaml"] = string(domains)
	meshName, meshID := clusterMesh(spec, extra.DeploymentID)
	vars["cluster_mesh_name"], vars["cluster_mesh_id"] = meshName, meshID
	if spec.WorkerCount != nil {
		vars["worker_count"] = *spec.WorkerCount
	}
	for key, v := range map[string]string{
		"control_plane_size":      spec.ControlPlaneSize,
		"worker_size":             spec.WorkerSize,
		"catalyst_api_url":        extra.CatalystAPIURL,
		"handover_jwt_public_key": extra.HandoverPublicJWK,
	} {
		if v != "" {
			vars[key] = v
		}
	}
	if len(extra.SSHAllowedCIDRs) > 0 {
		vars["ssh_allowed_cidrs"] = extra.SSHAllowedCIDRs
	}
	regions := make([]map[string]any, 0, len(spec.Regions))
	for i, r := range spec.Regions {
		role := "primary"
		if i > 0 {
			role = "secondary"
		}
		// Both key sets: Hetzner's module reads the first, the provider interface
		// document names the second; what a module does not declare it drops.
		regions = append(regions, map[string]any{
			"provider": r.Provider, "cloudRegion": r.CloudRegion, "controlPlaneSize": r.ControlPlaneSize,
			"workerSize": r.WorkerSize, "workerCount": r.WorkerCount,
			"code": r.CloudRegion, "role": role, "control_plane_size": r.ControlPlaneSize,
			"worker_size": r.WorkerSize, "worker_count": r.WorkerCount,
		})
	}
	vars["regions"] = regions
	return vars
}

// topology is the continuity topology, with upstream's default where it is not
// said: hot standby from two regions on.
func (s Spec) topology() string {
	switch {
	case s.BCPTopology != "":
		return s.BCPTopology
	case len(s.Regions) > 1:
		return "active-hotstandby"
	}
	return "single-region"
}

// clusterMesh gives the mesh's name and the primary cluster's id. One region
// has neither. The id is the SHA-256 of the deployment id's text, its first four
// bytes as a big-endian number, modulo 252, plus 1.
func clusterMesh(spec Spec, deploymentID string) (string, int) {
	if len(spec.Regions) < 2 {
		return "", 0
	}
	first, _, _ := strings.Cut(spec.SovereignFQDN, ".")
	sum := sha256.Sum256([]byte(or(deploymentID, spec.SovereignFQDN)))
	return first + "-mesh", int(binary.BigEndian.Uint32(sum[:4])%252) + 1
}

func flag(b *bool, byDefault bool) string {
	if b == nil {
		return strconv.FormatBool(byDefault)
	}
	return strconv.FormatBool(*b)
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
