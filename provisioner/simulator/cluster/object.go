package cluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	namespace  = "flux-system"
	apiGroup   = "helm.toolkit.fluxcd.io"
	apiVersion = apiGroup + "/v2"
)

// object is the HelmRelease as the API shows it. The values are fresh: nobody
// shares them with the state.
func (r *release) object() map[string]any {
	deps := make([]any, len(r.DependsOn))
	for i, d := range r.DependsOn {
		deps[i] = map[string]any{"name": d}
	}
	spec := map[string]any{
		"interval": "15m0s", "releaseName": r.Name,
		"chart": map[string]any{"spec": map[string]any{
			"chart": r.Chart, "version": r.Version, "interval": "15m0s",
			"sourceRef": map[string]any{"kind": "HelmRepository", "name": "openova", "namespace": namespace},
		}},
		"install": map[string]any{"disableWait": true}, "upgrade": map[string]any{"disableWait": true},
	}
	if len(deps) > 0 {
		spec["dependsOn"] = deps
	}
	return map[string]any{
		"apiVersion": apiVersion, "kind": "HelmRelease",
		"metadata": map[string]any{
			"name": r.Name, "namespace": namespace, "uid": r.UID, "generation": int64(1),
			"resourceVersion":   strconv.FormatUint(r.Revision, 10),
			"creationTimestamp": r.Created.Format(time.RFC3339),
			"labels":            r.labels(),
		},
		"spec": spec, "status": r.status(),
	}
}

func (r *release) labels() map[string]any {
	l := map[string]any{"app.kubernetes.io/managed-by": "catalyst"}
	if r.App != "" {
		l["catalyst.openova.io/app"] = r.App
	}
	return l
}

// status follows helm-controller: Ready is the summary, Released the outcome of
// the last Helm action, Reconciling and Stalled say whether it goes on.
func (r *release) status() map[string]any {
	chart := r.Chart + "@" + r.chartVersion()
	cond := func(kind, status, reason, message string) any {
		return map[string]any{
			"type": kind, "status": status, "reason": reason, "message": message,
			"observedGeneration": int64(1), "lastTransitionTime": r.Since.Format(time.RFC3339),
		}
	}
	status := map[string]any{"observedGeneration": int64(1)}
	var conditions []any
	switch r.Phase {
	case phaseWaiting:
		if r.Message == "" {
			status["observedGeneration"] = int64(-1) // not yet reconciled
			return status
		}
		message := fmt.Sprintf("dependency '%s/%s' is not ready", namespace, r.Message)
		conditions = append(conditions,
			cond("Reconciling", "True", "ProgressingWithRetry", "reconciliation in progress"),
			cond("Ready", "False", "DependencyNotReady", message))
	case phaseInstalling:
		message := "Running 'install' action with timeout of 15m0s"
		conditions = append(conditions,
			cond("Reconciling", "True", "Progressing", message),
			cond("Ready", "Unknown", "Progressing", message))
	case phaseInstalled:
		message := fmt.Sprintf("Helm install succeeded for release %s/%s.v1 with chart %s", namespace, r.Name, chart)
		conditions = append(conditions,
			cond("Ready", "True", "InstallSucceeded", message),
			cond("Released", "True", "InstallSucceeded", message))
		status["lastAttemptedRevision"] = r.chartVersion()
		status["history"] = []any{map[string]any{
			"name": r.Name, "namespace": namespace, "version": int64(1), "status": "deployed", "chartName": r.Chart,
			"chartVersion": r.chartVersion(), "firstDeployed": r.Since.Format(time.RFC3339), "lastDeployed": r.Since.Format(time.RFC3339),
		}}
	case phaseFailed:
		message := fmt.Sprintf("Helm install failed for release %s/%s with chart %s: context deadline exceeded", namespace, r.Name, chart)
		conditions = append(conditions,
			cond("Ready", "False", "InstallFailed", message),
			cond("Released", "False", "InstallFailed", message),
			cond("Stalled", "True", "RetriesExceeded", "Failed to install after 4 attempt(s)"))
		status["lastAttemptedRevision"] = r.chartVersion()
		status["installFailures"], status["failures"] = int64(4), int64(4)
	}
	status["conditions"] = conditions
	return status
}

// chartVersion is the lowest version that a range such as "1.x" allows.
func (r *release) chartVersion() string {
	v := strings.NewReplacer("x", "0", "X", "0", "*", "0").Replace(strings.TrimLeft(r.Version, ">=^~v "))
	v, _, _ = strings.Cut(v, " ")
	for strings.Count(v, ".") < 2 {
		v += ".0"
	}
	return v
}

// node is a booted server as a Kubernetes Node.
func node(b Boot, role string, created time.Time) map[string]any {
	labels := map[string]any{"kubernetes.io/hostname": b.Name, "node.kubernetes.io/instance-type": "k3s"}
	if role != RoleAgent {
		labels["node-role.kubernetes.io/control-plane"] = "true"
	}
	for k, v := range b.Labels {
		labels[k] = v
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{
			"name": b.Name, "uid": fmt.Sprintf("00000000-0000-4000-8000-%012d", b.ServerID), "resourceVersion": "1",
			"labels": labels, "creationTimestamp": created.Format(time.RFC3339),
		},
		"spec": map[string]any{"providerID": fmt.Sprintf("hcloud://%d", b.ServerID)},
		"status": map[string]any{
			"addresses":  []any{map[string]any{"type": "ExternalIP", "address": b.PublicIPv4}, map[string]any{"type": "Hostname", "address": b.Name}},
			"conditions": []any{map[string]any{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}},
			"nodeInfo":   map[string]any{"kubeletVersion": serverVersion},
		},
	}
}
