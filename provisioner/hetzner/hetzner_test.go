package hetzner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

// tool finds what .tools/build made: the environment variable names it, or the
// script says where it is.
func tool(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		out, err := exec.Command(filepath.Join("..", "..", ".tools", "build"), "--path", name).Output()
		if err != nil {
			t.Skipf("skipped: .tools/build --path %s failed: %v", name, err)
		}
		path = strings.TrimSpace(string(out))
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: %s is not built; run .tools/build %s", name, name)
	}
	return path
}

// workdir is a folder with the module and the real tofu and provider.
type workdir struct {
	t   *testing.T
	bin string
	dir string
	env []string
}

func newWorkdir(t *testing.T, files fs.FS, env ...string) *workdir {
	t.Helper()
	w := &workdir{t: t, bin: tool(t, "SANDBOX_TOFU", "tofu"), dir: filepath.Join(t.TempDir(), "module")}
	mirror := tool(t, "SANDBOX_PROVIDER_MIRROR", "hcloud")
	if before, _, ok := strings.Cut(mirror, "/registry.opentofu.org/"); ok {
		mirror = before
	}
	if err := os.CopyFS(w.dir, files); err != nil {
		t.Fatal(err)
	}
	rc := "provider_installation {\n  filesystem_mirror {\n    path    = \"" + mirror + "\"\n    include = [\"registry.opentofu.org/*/*\"]\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "..", "rc"), []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TF_CLI_CONFIG_FILE=" + filepath.Join(w.dir, "..", "rc"), "CHECKPOINT_DISABLE=1", "TF_INPUT=0", "TF_IN_AUTOMATION=1"}, env...)
	w.run("init")
	return w
}

func (w *workdir) try(args ...string) (string, error) {
	cmd := exec.Command(w.bin, append(args, "-no-color")...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (w *workdir) run(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("tofu %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func TestModuleIsFormattedValidAndTested(t *testing.T) {
	w := newWorkdir(t, hetzner.TestFiles())
	if out, err := w.try("fmt", "-check", "-recursive", "-diff"); err != nil {
		t.Errorf("run tofu fmt -recursive in the module's folder:\n%s", out)
	}
	w.run("validate")
	w.run("test")
}

func TestFilesAreTheModuleWithoutItsTests(t *testing.T) {
	names, err := fs.Glob(hetzner.Files(), "*")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(names, " ")
	if !strings.Contains(all, "main.tf") || !strings.Contains(all, "bootstrap.sh") || strings.Contains(all, "tests") || strings.Contains(all, ".go") {
		t.Errorf("the module is %s", all)
	}
	if d := hetzner.Digest(); len(d) != 64 || d != hetzner.Digest() {
		t.Errorf("the digest is %q", d)
	}
}

// upstream's variables and outputs, by which its own module and this one take
// the same tfvars.
func TestInterfaceIsUpstreams(t *testing.T) {
	var text strings.Builder
	for _, pattern := range []string{"variables_*.tf", "outputs.tf"} {
		names, _ := fs.Glob(hetzner.Files(), pattern)
		for _, n := range names {
			b, err := fs.ReadFile(hetzner.Files(), n)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
		}
	}
	for kind, want := range map[string]string{
		"variable": `sovereign_fqdn sovereign_subdomain sovereign_deployment_id marketplace_enabled bcp_topology enable_hot_standby enable_shared_pg
			qa_fixtures_enabled qa_test_session_enabled wildcard_cert_use_staging qa_fixtures_namespace qa_organization parent_domains_yaml
			cluster_mesh_name cluster_mesh_id org_name org_email hcloud_token hcloud_project_id region control_plane_size worker_size
			qa_control_plane_size qa_worker_size worker_count ha_enabled regions k3s_version ssh_public_key domain_mode pool_domain dynadot_key
			dynadot_secret dynadot_managed_domains powerdns_api_key ghcr_pull_token deployment_id kubeconfig_bearer_token catalyst_api_url
			gitops_repo_url gitops_branch ssh_allowed_cidrs enable_unattended_upgrades enable_fail2ban object_storage_region
			object_storage_access_key object_storage_secret_key object_storage_bucket_name harbor_robot_token pdm_basic_auth_user
			pdm_basic_auth_pass handover_jwt_public_key fire_cutover_on_handover console_isolation_enabled default_storage_class
			provider_api_cidrs apps`,
		"output": `control_plane_ip load_balancer_ip sovereign_fqdn console_url gitops_repo_url object_storage_endpoint object_storage_region
			object_storage_bucket control_plane_ips_by_region load_balancer_ips_by_region secondary_region_keys control_plane_ips_per_region
			console_load_balancer_ip`,
	} {
		got := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^`+kind+` "([a-z0-9_]+)" \{`).FindAllStringSubmatch(text.String(), -1) {
			got[m[1]] = true
		}
		for _, name := range strings.Fields(want) {
			if !got[name] {
				t.Errorf("%s %q is missing", kind, name)
			}
			delete(got, name)
		}
		for name := range got {
			t.Errorf("%s %q is not upstream's", kind, name)
		}
	}
}

func TestScriptPassesShellcheck(t *testing.T) {
	bin, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("skipped: shellcheck is not installed")
	}
	if out, err := exec.Command(bin, "--severity=style", "bootstrap.sh").CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

// recorder keeps the user_data of every server that boots.
type recorder struct {
	*cluster.Clusters
	data chan cluster.Boot
}

func (r recorder) Boot(ctx context.Context, b cluster.Boot) error {
	r.data <- b
	return r.Clusters.Boot(ctx, b)
}

// cloudInit checks one user_data with the schema of the real cloud-init.
func cloudInit(t *testing.T, data string) {
	t.Helper()
	root := os.Getenv("SANDBOX_CLOUD_INIT")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip("skipped: there is no cache folder")
		}
		root = filepath.Join(cache, "openova-sandbox", "cloud-init")
	}
	packages := filepath.Join(root, "usr", "lib", "python3", "dist-packages")
	if _, err := os.Stat(filepath.Join(packages, "cloudinit")); err != nil {
		t.Skipf("skipped: cloud-init is not unpacked in %s; make packages unpacks it, or name another folder in SANDBOX_CLOUD_INIT", root)
	}
	check := func(text string) (string, error) {
		file := filepath.Join(t.TempDir(), "user-data")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		// -S: nothing of the machine's own, so that the check is the same everywhere.
		cmd := exec.Command("/usr/bin/python3", "-S", "-m", "cloudinit.cmd.main", "schema", "--config-file", file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+packages)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if _, err := check("#cloud-config\nruncmd: 3\n"); err == nil {
		t.Fatal("the schema check accepts anything")
	}
	if out, err := check(data); err != nil {
		t.Errorf("cloud-init refuses the user_data: %v\n%s", err, out)
	}
}

func tfvars(t *testing.T, w *workdir, vars map[string]any) {
	t.Helper()
	b, err := json.Marshal(vars)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "tofu.auto.tfvars.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
}
