package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// maxKubeconfig is upstream's limit of a posted kubeconfig, in bytes.
const maxKubeconfig = 1 << 20

// kubeconfigPath is the route on which a new cluster posts.
const kubeconfigPath = "/api/v1/deployments/:id/kubeconfig"

// state is upstream's State of a deployment, with ours beside it.
func state(d provisioner.Deployment) map[string]any {
	components := map[string]string{}
	for _, r := range d.Releases {
		components[r.Name] = r.State
	}
	region := ""
	if len(d.Spec.Regions) > 0 {
		region = d.Spec.Regions[0].CloudRegion
	}
	out := map[string]any{
		"id": d.ID, "status": d.Status, "startedAt": d.StartedAt, "finishedAt": d.FinishedAt,
		"sovereignFQDN": d.Spec.SovereignFQDN, "region": region, "numEvents": len(d.Log),
		"componentStates": components, "operationInProgress": d.Status.InFlight(), "deployment": d,
	}
	if d.Status == provisioner.StatusFailed {
		out["error"] = d.Reason
	}
	if d.Outputs != nil {
		out["result"] = map[string]any{
			"sovereignFQDN": d.Spec.SovereignFQDN, "controlPlaneIP": d.Outputs["control_plane_ip"],
			"loadBalancerIP": d.Outputs["load_balancer_ip"], "consoleURL": d.ConsoleURL,
			"gitopsRepoURL": d.Outputs["gitops_repo_url"], "componentStates": components,
		}
	}
	return out
}

// createDeployment takes upstream's request. It plans and waits for the person's
// approval, where upstream applies at once.
func (s *Server) createDeployment(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	d, err := s.options.Provisioner.PlanRequest(c.Request().Context(), actor, body)
	if err != nil {
		return err
	}
	out := state(d)
	out["streamURL"] = "/api/v1/deployments/" + d.ID + "/logs"
	return c.JSON(http.StatusCreated, out)
}

func (s *Server) listDeployments(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	list, err := s.options.Provisioner.Deployments(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	rows := make([]map[string]any, 0, len(list))
	for _, d := range list {
		region := ""
		if len(d.Spec.Regions) > 0 {
			region = d.Spec.Regions[0].CloudRegion
		}
		row := map[string]any{
			"id": d.ID, "status": d.Status, "sovereignFQDN": d.Spec.SovereignFQDN, "region": region,
			"startedAt": d.StartedAt, "finishedAt": d.FinishedAt, "ownerEmail": d.Spec.OrgEmail,
		}
		if d.Status == provisioner.StatusFailed {
			row["error"] = d.Reason
		}
		rows = append(rows, row)
	}
	return c.JSON(http.StatusOK, map[string]any{"deployments": rows})
}

// deployment is the caller's deployment of the path.
func (s *Server) deployment(c echo.Context) (provisioner.Deployment, journal.Actor, error) {
	actor, err := s.actor(c)
	if err != nil {
		return provisioner.Deployment{}, actor, err
	}
	d, err := s.options.Provisioner.Deployment(c.Request().Context(), actor, c.Param("id"))
	return d, actor, err
}

func (s *Server) getDeployment(c echo.Context) error {
	d, _, err := s.deployment(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state(d))
}

func (s *Server) deploymentEvents(c echo.Context) error {
	d, _, err := s.deployment(c)
	if err != nil {
		return err
	}
	lines := d.Log
	if lines == nil {
		lines = []provisioner.LogLine{}
	}
	return c.JSON(http.StatusOK, map[string]any{"state": state(d), "events": lines, "done": d.Status.Final()})
}

// deploymentLogs is upstream's log stream, with ids and heartbeats.
func (s *Server) deploymentLogs(c echo.Context) error {
	cursor, err := after(c)
	if err != nil {
		return err
	}
	d, actor, err := s.deployment(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	out := startStream(c, s.options.Heartbeat)
	live := make(chan message, 64)
	put := func(m message) error {
		select {
		case live <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go func() { // owned by this request; ends with ctx or at the deployment's end
		defer close(live) // the pump sends what is queued and then ends
		if d.Status.Final() && cursor >= d.Seq {
			// A reader who has it all, the end included, is told again and not kept.
			_ = put(message{d.Seq, "done", state(d)})
			return
		}
		_ = s.options.Journal.Follow(ctx, cursor, []string{"deployment." + d.ID}, func(e journal.Event) error {
			m, final, ok := s.logMessage(ctx, actor, d.ID, e)
			if ok {
				if err := put(m); err != nil {
					return err
				}
			}
			if !final && d.Status.Final() && e.Seq >= d.Seq {
				// The end was before the cursor, and something small came after it.
				final = true
				if err := put(message{e.Seq, "done", state(d)}); err != nil {
					return err
				}
			}
			if final {
				return io.EOF
			}
			return nil
		})
	}()
	defer func() {
		cancel()
		for range live { // until the goroutine has closed it
		}
	}()
	return out.pump(ctx, live)
}

// logMessage is an event in upstream's stream: log lines as default messages,
// the end as "done".
func (s *Server) logMessage(ctx context.Context, actor journal.Actor, id string, e journal.Event) (m message, final, ok bool) {
	switch e.Type {
	case "deployment.logged":
		var data struct {
			Line provisioner.LogLine `json:"line"`
		}
		if e.Decode(&data) != nil {
			return message{}, false, false
		}
		return message{e.Seq, "", data.Line}, false, true
	case "deployment.status.changed":
		var data struct {
			Status provisioner.Status `json:"status"`
		}
		if e.Decode(&data) != nil || !data.Status.Final() {
			return message{}, false, false
		}
		if err := s.options.Provisioner.Observe(ctx, e); err != nil {
			return message{}, true, false
		}
		d, err := s.options.Provisioner.Deployment(ctx, actor, id)
		if err != nil {
			return message{}, true, false
		}
		return message{e.Seq, "done", state(d)}, true, true
	}
	return message{}, false, false
}

// deploymentJobs are the releases as upstream's jobs.
func (s *Server) deploymentJobs(c echo.Context) error {
	d, _, err := s.deployment(c)
	if err != nil {
		return err
	}
	jobs := make([]map[string]any, 0, len(d.Releases))
	for _, r := range d.Releases {
		status := map[string]string{"pending": "pending", "installing": "running", "degraded": "running", "installed": "succeeded", "failed": "failed"}[r.State]
		deps := []string{}
		for _, dep := range r.DependsOn {
			deps = append(deps, "install-"+strings.TrimPrefix(dep, "bp-"))
		}
		name := "install-" + strings.TrimPrefix(r.Name, "bp-")
		job := map[string]any{
			"id": d.ID + ":" + name, "deploymentId": d.ID, "jobName": name, "displayName": r.Label, "type": "install",
			"parentId": d.ID + ":bootstrap-kit", "dependsOn": deps, "status": status, "startedAt": r.StartedAt, "finishedAt": r.FinishedAt, "durationMs": int64(0),
		}
		if r.StartedAt != nil && r.FinishedAt != nil {
			job["durationMs"] = r.FinishedAt.Sub(*r.StartedAt).Milliseconds()
		}
		jobs = append(jobs, job)
	}
	return c.JSON(http.StatusOK, map[string]any{"jobs": jobs})
}

// approveDeployment takes a person's decision on a plan outside a conversation.
func (s *Server) approveDeployment(c echo.Context) error {
	d, actor, err := s.deployment(c)
	if err != nil {
		return err
	}
	var in struct {
		CardID string `json:"cardId"`
		Digest string `json:"digest"`
		Value  string `json:"value"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	ctx := c.Request().Context()
	switch {
	case in.Value == "decline":
		err = s.options.Provisioner.Decline(ctx, actor, in.CardID)
		if err == nil {
			d, err = s.options.Provisioner.Deployment(ctx, actor, d.ID)
		}
	case strings.HasPrefix(in.Value, "approve"):
		means := "press"
		if in.CardID == "" {
			means = "digest"
		}
		d, err = s.options.Provisioner.Approve(ctx, provisioner.Approve{
			DeploymentID: d.ID, CardID: in.CardID, Digest: in.Digest, Value: in.Value, Actor: actor, Means: means,
		})
	default:
		err = fault.New(fault.Invalid, "the decision is %q", cut(in.Value, 40)).At("value").Do(`Send "approve" or "decline".`)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state(d))
}

// retryPhase is upstream's way to try a failed phase again. It plans what is
// missing; the plan waits for the person's approval.
func (s *Server) retryPhase(c echo.Context) error {
	d, actor, err := s.deployment(c)
	if err != nil {
		return err
	}
	if d, err = s.options.Provisioner.Retry(c.Request().Context(), provisioner.Retry{DeploymentID: d.ID, Phase: c.Param("phase"), Actor: actor}); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state(d))
}

func (s *Server) cancelDeployment(c echo.Context) error {
	d, actor, err := s.deployment(c)
	if err != nil {
		return err
	}
	if err := s.options.Provisioner.Cancel(c.Request().Context(), actor, d.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

func (s *Server) deploymentTfvars(c echo.Context) error {
	return s.download(c, "tofu.auto.tfvars.json", s.options.Provisioner.Tfvars)
}

func (s *Server) deploymentPlan(c echo.Context) error {
	return s.download(c, "plan.json", s.options.Provisioner.PlanJSON)
}

func (s *Server) download(c echo.Context, name string, get func(context.Context, journal.Actor, string) ([]byte, error)) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	b, err := get(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	return c.JSONBlob(http.StatusOK, json.RawMessage(b))
}

// putKubeconfig is where a new cluster posts its kubeconfig; upstream §1.6.
func (s *Server) putKubeconfig(c echo.Context) error {
	bearer, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
	if !ok || bearer == "" {
		return fault.New(fault.Unauthenticated, "missing-bearer").Do("Send the bearer that the cluster was given.")
	}
	body, err := io.ReadAll(io.LimitReader(c.Request().Body, maxKubeconfig+1))
	if err != nil {
		return fault.Wrap(err, fault.Limited, "body-too-large")
	}
	if len(body) > maxKubeconfig {
		return echo.NewHTTPError(http.StatusUnprocessableEntity).SetInternal(fault.New(fault.Limited, "body-too-large").Do("A kubeconfig has at most 1 MiB."))
	}
	if err := s.options.Provisioner.ReceiveKubeconfig(c.Request().Context(), c.Param("id"), bearer, body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// enter hands the owner over to their Sovereign. The token exists only in this
// answer.
func (s *Server) enter(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	to, err := s.options.Provisioner.Enter(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusFound, to)
}
