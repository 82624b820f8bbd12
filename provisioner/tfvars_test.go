package provisioner_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/provisioner"
)

func TestTfvars(t *testing.T) {
	s := good()
	s.SSHPublicKey, s.HetznerProjectID = sshKey, "42"
	extra := provisioner.TfvarsExtra{DeploymentID: "98395b3d9bd9c1aa", CatalystAPIURL: "http://127.0.0.1:1"}
	vars := provisioner.Tfvars(s, extra)
	for key, want := range map[string]any{
		"sovereign_fqdn": "acme.omani.works", "sovereign_subdomain": "acme", "domain_mode": "pool", "pool_domain": "omani.works",
		"deployment_id": "98395b3d9bd9c1aa", "sovereign_deployment_id": "98395b3d9bd9c1aa", "bcp_topology": "single-region",
		"enable_hot_standby": "false", "marketplace_enabled": "true", "console_isolation_enabled": "true", "enable_shared_pg": "true",
		"ha_enabled": false, "worker_count": 3, "worker_size": "cpx32", "region": "fsn1", "ssh_public_key": sshKey, "hcloud_project_id": "42",
		"object_storage_region": "fsn1", "object_storage_bucket_name": "catalyst-acme-omani-works-98395b3d", "default_storage_class": "hcloud-volumes",
		"cluster_mesh_name": "", "cluster_mesh_id": 0, "catalyst_api_url": "http://127.0.0.1:1", "parent_domains_yaml": `[{"name":"omani.works","role":"primary"}]`,
	} {
		if vars[key] != want {
			t.Errorf("%s is %v, want %v", key, vars[key], want)
		}
	}
	for key := range vars {
		if regexp.MustCompile(`token|secret|access_key|pass|bearer`).MatchString(key) {
			t.Errorf("%s must not be in the file", key)
		}
	}
	one := vars["regions"].([]map[string]any)[0]
	if one["cloudRegion"] != "fsn1" || one["code"] != "fsn1" || one["role"] != "primary" || one["workerCount"] != 3 || one["worker_count"] != 3 {
		t.Errorf("region %v", one)
	}
	s.Regions[0].ControlPlaneSize = ""
	if _, there := provisioner.Tfvars(s, extra)["control_plane_size"]; there {
		t.Error("an unknown size is emitted; upstream's rule refuses an empty one")
	}
	first, _ := json.Marshal(vars)
	again, _ := json.Marshal(provisioner.Tfvars(func() provisioner.Spec { s := good(); s.SSHPublicKey, s.HetznerProjectID = sshKey, "42"; return s }(), extra))
	if string(first) != string(again) {
		t.Error("the same Spec gives other variables")
	}
}

func TestClusterMesh(t *testing.T) {
	s := good()
	second(&s, "hel1")
	for id, want := range map[string]int{"98395b3d9bd9c1aa": 74, "005080699326a7ac": 29, "22af2b1120158239": 139, "c9df5eed1c1ba6cf": 180} {
		vars := provisioner.Tfvars(s, provisioner.TfvarsExtra{DeploymentID: id})
		if vars["cluster_mesh_id"] != want || vars["cluster_mesh_name"] != "acme-mesh" || vars["bcp_topology"] != "active-hotstandby" || vars["enable_hot_standby"] != "true" {
			t.Errorf("%s: mesh %v %v, want %d", id, vars["cluster_mesh_name"], vars["cluster_mesh_id"], want)
		}
	}
}

func TestBucketNameFits(t *testing.T) {
	s := good()
	s.SovereignDomainMode, s.SovereignFQDN = "byo-manual", strings.Repeat("abcdefghi.", 20)+"com"
	name := provisioner.Tfvars(s, provisioner.TfvarsExtra{DeploymentID: "98395b3d9bd9c1aa"})["object_storage_bucket_name"].(string)
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`).MatchString(name) || !strings.HasSuffix(name, "-98395b3d") {
		t.Errorf("bucket %q", name)
	}
}
