package provisioner

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
)

// ProgressCards are what a person sees of a deployment under way: named phases
// and the flow of releases, and at the end the way in, or why there is none. They
// are empty before the approval. Ids are "progress-<deployment>",
// "flow-<deployment>", "ready-<deployment>" and "ended-<deployment>", the last with
// "-2" and so on where it was tried again and ended again.
func ProgressCards(d Deployment) []card.Card {
	if d.Status == StatusPlanned || d.Status == StatusAwaitingApproval || d.Status == "" {
		return nil
	}
	started := d.StartedAt != nil
	if d.Status == StatusCancelled && !started {
		return []card.Card{endCard(d, "")}
	}
	cards := []card.Card{progressCard(d), flowCard(d)}
	switch d.Status {
	case StatusReady:
		cards = append(cards, readyCard(d))
	case StatusFailed, StatusCancelled:
		cards = append(cards, endCard(d, ""))
	}
	return cards
}

// releasesOf are the deployment's releases; before the cluster tells, the ones
// that the Spec will have, all pending.
func releasesOf(d Deployment) []Release {
	if len(d.Releases) > 0 {
		return d.Releases
	}
	c, err := LoadCatalogue()
	if err != nil {
		return nil
	}
	return c.Releases(d.Spec.Apps)
}

func progressCard(d Deployment) card.Card {
	data := card.ProgressData{
		DeploymentID: d.ID, Status: string(d.Status), Phases: phases(d),
		Simulated: d.Cloud == Simulated, Cancellable: d.Status.InFlight() && d.Status != StatusWiping,
	}
	title := map[Status]string{
		StatusReady: d.Spec.SovereignFQDN + " is ready", StatusFailed: d.Spec.SovereignFQDN + " could not be created",
		StatusCancelled: "Creating " + d.Spec.SovereignFQDN + " was cancelled",
	}[d.Status]
	if title == "" {
		title = "Creating " + d.Spec.SovereignFQDN
	}
	lines := []string{title + "."}
	if data.Simulated {
		lines = append(lines, simulatedNote)
	}
	speech := title + "."
	for _, p := range data.Phases {
		line := p.Label + ": " + stateWord(p.State)
		if p.Total > 0 {
			line += fmt.Sprintf(", %d of %d", p.Done, p.Total)
		}
		if p.Detail != "" {
			line += ", " + p.Detail
		}
		lines = append(lines, line)
		if p.State == "running" {
			speech = p.Label + "."
			if p.Total > 0 {
				speech = fmt.Sprintf("%s: %d of %d done.", p.Label, p.Done, p.Total)
			}
		}
	}
	k := card.New("progress-"+d.ID, card.KindProgress, title, strings.Join(lines, "\n"), data)
	k.Speech = speech
	return k
}

func stateWord(state string) string {
	return map[string]string{"pending": "waiting", "running": "under way", "succeeded": "done", "failed": "failed", "cancelled": "cancelled"}[state]
}

// phases are the steps from approval to the open door.
func phases(d Deployment) []card.Phase {
	cloud := card.Phase{ID: "infrastructure", Label: "Servers and network", Total: len(d.Resources)}
	failedCloud := ""
	for _, r := range d.Resources {
		switch r.State {
		case "succeeded":
			cloud.Done++
		case "running":
			cloud.Detail = r.Label
		case "failed":
			failedCloud = r.Label
		}
	}
	boot := card.Phase{ID: "cluster", Label: "Cluster start"}
	kit := card.Phase{ID: "platform", Label: "Platform"}
	apps := card.Phase{ID: "apps", Label: "Apps"}
	var failed [2]bool
	for _, r := range releasesOf(d) {
		p, which := &kit, 0
		if r.App != "" {
			p, which = &apps, 1
		}
		p.Total++
		switch r.State {
		case "installed":
			p.Done++
		case "failed":
			failed[which] = true
			p.Detail = r.Label + " failed"
		case "installing", "degraded":
			if !failed[which] {
				p.Detail = r.Label
			}
		}
		spanPhase(p, r)
	}
	// How far it came: the number of phases that are surely over.
	over := map[Status]int{StatusFluxBootstrapping: 1, StatusPhase1Watching: 2, StatusReady: 4}[d.Status]
	if d.Status == StatusFailed || d.Status == StatusCancelled {
		switch {
		case len(d.Releases) > 0 && slices.ContainsFunc(d.Releases, func(r Release) bool { return r.State != "pending" }):
			over = 2
		case cloud.Total > 0 && cloud.Done == cloud.Total:
			over = 1
		}
	}
	list := []card.Phase{cloud, boot, kit}
	if apps.Total > 0 {
		list = append(list, apps)
	}
	for i := range list {
		p := &list[i]
		switch {
		case i < over && (p.ID != "platform" && p.ID != "apps" || d.Status == StatusReady), p.Total > 0 && p.Done == p.Total:
			p.State, p.Detail = "succeeded", ""
		case d.Status == StatusCancelled:
			p.State = "cancelled"
		case d.Status == StatusFailed && (i == over || i > over && p.ID == "apps" && failed[1]):
			p.State = "failed"
		case d.Status.InFlight() && (i == over || p.ID == "apps" && i > over && p.StartedAt != ""):
			p.State = "running"
		default:
			p.State = "pending"
		}
		if p.State != "succeeded" {
			p.FinishedAt = ""
		}
	}
	if d.StartedAt != nil {
		list[0].StartedAt = stamp(*d.StartedAt)
	}
	if failedCloud != "" && list[0].State == "failed" {
		list[0].Detail = failedCloud + " failed"
	}
	if d.Status == StatusPending {
		list[0].Detail = "starting"
	}
	return list
}

// spanPhase widens a phase's times by a release's.
func spanPhase(p *card.Phase, r Release) {
	if r.StartedAt != nil {
		if s := stamp(*r.StartedAt); p.StartedAt == "" || s < p.StartedAt {
			p.StartedAt = s
		}
	}
	if r.FinishedAt != nil {
		if s := stamp(*r.FinishedAt); s > p.FinishedAt {
			p.FinishedAt = s
		}
	}
}

// flowCard is the graph of releases in upstream's flow contract: a node per
// release, named as its job, and an edge from what has to finish first.
func flowCard(d Deployment) card.Card {
	releases := releasesOf(d)
	data := card.FlowData{FlowID: d.ID, Status: "running", Nodes: []card.FlowNode{}, Rels: []card.Relationship{}}
	switch d.Status {
	case StatusReady:
		data.Status = "succeeded"
	case StatusFailed, StatusCancelled:
		data.Status = "failed"
	}
	families := map[string]string{}
	if c, err := LoadCatalogue(); err == nil {
		for _, k := range c.Kit() {
			families[k.Name] = k.Family
		}
	}
	known := map[string]bool{}
	for _, r := range releases {
		known[r.Name] = true
	}
	count := map[string]int{}
	var now, broken []string
	for _, r := range releases {
		n := card.FlowNode{ID: jobID(d.ID, r.Name), Label: r.Label, Status: jobStatus(r.State), Family: families[r.Name], Message: r.Message,
			StartedAt: millis(r.StartedAt), EndedAt: millis(r.FinishedAt)}
		if r.App != "" {
			n.Family = "apps"
		}
		data.Nodes = append(data.Nodes, n)
		for _, dep := range r.DependsOn {
			if known[dep] {
				data.Rels = append(data.Rels, card.Relationship{FromID: jobID(d.ID, dep), ToID: n.ID, Type: "finish-to-start"})
			}
		}
		count[n.Status]++
		switch n.Status {
		case "running":
			now = append(now, r.Label)
		case "failed":
			broken = append(broken, strings.TrimSuffix(r.Label+": "+r.Message, ": "))
		}
	}
	lines := []string{fmt.Sprintf("%d of %d releases installed.", count["succeeded"], len(releases))}
	if len(now) > 0 {
		lines = append(lines, "Under way: "+strings.Join(now, ", ")+".")
	}
	for _, b := range broken {
		lines = append(lines, "Failed: "+b)
	}
	if n := count["pending"]; n > 0 {
		lines = append(lines, fmt.Sprintf("Waiting: %d.", n))
	}
	k := card.New("flow-"+d.ID, card.KindFlow, "Platform and apps", strings.Join(lines, "\n"), data)
	k.Speech = lines[0]
	return k
}

// jobID is upstream's id of the job that installs a release.
func jobID(deploymentID, release string) string {
	return deploymentID + ":install-" + strings.TrimPrefix(release, "bp-")
}

// jobStatus is upstream's job status of a release's state.
func jobStatus(state string) string {
	switch state {
	case "installing", "degraded":
		return "running"
	case "installed":
		return "succeeded"
	case "failed":
		return "failed"
	}
	return "pending"
}

func millis(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}

// consoleHost is where the console answers, as a person reads it.
func consoleHost(d Deployment) string {
	if u, err := url.Parse(d.ConsoleURL); err == nil && u.Host != "" {
		return u.Host
	}
	return "console." + d.Spec.SovereignFQDN
}

// readyCard is the way in. The address is on this service: the token is made at
// the click and is in no card.
func readyCard(d Deployment) card.Card {
	enter := "/deployments/" + d.ID + "/enter"
	links := []card.Link{{Label: "Open the console", URL: enter, Primary: true, Detail: "Signs you in as sovereign-admin at " + consoleHost(d)}}
	for _, l := range d.Links {
		if l.Primary || strings.HasSuffix(l.URL, enter) {
			continue
		}
		links = append(links, l)
	}
	lines := []string{d.Spec.SovereignFQDN + " is ready."}
	if d.Cloud == Simulated {
		lines = append(lines, simulatedNote)
	}
	for _, l := range links {
		line := l.Label + ": " + l.URL
		if l.Detail != "" {
			line += " (" + l.Detail + ")"
		}
		lines = append(lines, line)
	}
	k := card.New("ready-"+d.ID, card.KindLink, d.Spec.SovereignFQDN+" is ready", strings.Join(lines, "\n"), card.LinkData{Links: links})
	k.Speech = fmt.Sprintf("%s is ready. Press Open the console, and you are signed in.", spokenDomain(d.Spec.SovereignFQDN))
	return k
}
