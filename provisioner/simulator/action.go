package simulator

import (
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// The states of an action.
const (
	running   = "running"
	succeeded = "success"
	failed    = "error"
)

// keepFinished is how many finished actions can still be asked for.
const keepFinished = 2000

// operation is an action and what it does when it ends. It is stored, so it
// goes on after a restart.
type operation struct {
	Action   schema.Action `json:"action"`
	Duration time.Duration `json:"duration"`
	// Due is when it ends; zero while it waits for After.
	Due time.Time `json:"due,omitzero"`
	// After is the operation that has to succeed first, or 0.
	After int64 `json:"after,omitempty"`
	// Fails and Stalled are what the faults decided when it began.
	Fails   bool   `json:"fails,omitempty"`
	Stalled bool   `json:"stalled,omitempty"`
	Change  change `json:"change"`
}

// change is the effect of an operation that succeeds; which fields are used
// depends on the action's command. Resources that are gone by then are
// skipped.
type change struct {
	Network   int64                       `json:"network,omitempty"`
	IP        string                      `json:"ip,omitempty"`
	AliasIPs  []string                    `json:"aliasIps,omitempty"`
	Server    int64                       `json:"server,omitempty"`
	Type      string                      `json:"type,omitempty"`
	Enabled   bool                        `json:"enabled,omitempty"`
	Size      int                         `json:"size,omitempty"`
	Subnet    *schema.NetworkSubnet       `json:"subnet,omitempty"`
	Route     *schema.NetworkRoute        `json:"route,omitempty"`
	Service   *schema.LoadBalancerService `json:"service,omitempty"`
	Port      int                         `json:"port,omitempty"`
	Target    *schema.LoadBalancerTarget  `json:"target,omitempty"`
	Resource  *schema.FirewallResource    `json:"resource,omitempty"`
	Image     int64                       `json:"image,omitempty"`
	PowerOn   bool                        `json:"powerOn,omitempty"`
	GroupID   int64                       `json:"groupId,omitempty"`
	IPRange   string                      `json:"ipRange,omitempty"`
	Text      *string                     `json:"text,omitempty"`
	Protected *bool                       `json:"protected,omitempty"`
	Rebuild   *bool                       `json:"rebuild,omitempty"`
}

// ref names a resource that an action is about.
func ref(kind string, id int64) schema.ActionResourceReference {
	return schema.ActionResourceReference{ID: id, Type: kind}
}

// refers reports whether the operation is about the resource.
func (o *operation) refers(kind string, id int64) bool {
	return slices.Contains(o.Action.Resources, ref(kind, id))
}

// begin starts an operation that takes about seconds at speed 1.
func (c *call) begin(command string, seconds float64, ch change, refs ...schema.ActionResourceReference) *operation {
	return c.beginAfter(nil, command, seconds, ch, refs...)
}

// beginAfter starts an operation that waits until previous has succeeded; nil
// is none.
func (c *call) beginAfter(previous *operation, command string, seconds float64, ch change, refs ...schema.ActionResourceReference) *operation {
	id := c.p.newID()
	o := &operation{
		Action: schema.Action{ID: id, Status: running, Command: command, Started: c.now, Resources: refs},
		// Spread by the id, so that runs differ as in the real cloud and a
		// restart does not change when an action ends.
		Duration: time.Duration(seconds * (0.85 + 0.3*spread(id)) / c.sim.speed * float64(time.Second)),
		Change:   ch,
	}
	o.Fails, o.Stalled = c.p.Faults.take(command)
	if previous != nil && previous.Action.Status == running {
		o.After = previous.Action.ID
	} else {
		o.Due = c.now.Add(o.Duration)
	}
	c.p.Operations[id] = o
	c.p.forget()
	return o
}

// queue starts an operation behind the newest running one on the same
// resource, as load balancers do.
//
// Its changes are made when it ends, so that a failed one leaves no trace.
func (c *call) queue(kind string, id int64, command string, seconds float64, ch change) *operation {
	var last *operation
	for _, o := range sorted(c.p.Operations) {
		if o.Action.Status == running && o.refers(kind, id) {
			last = o
		}
	}
	refs := []schema.ActionResourceReference{ref(kind, id)}
	if ch.Network != 0 {
		refs = append(refs, ref("network", ch.Network))
	}
	if ch.Server != 0 {
		refs = append(refs, ref("server", ch.Server))
	}
	return c.beginAfter(last, command, seconds, ch, refs...)
}

// spread maps an id to [0, 1).
func spread(id int64) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strconv.FormatInt(id, 10)))
	return float64(h.Sum32()%1000) / 1000
}

// forget drops the oldest finished operations beyond keepFinished.
func (p *project) forget() {
	if len(p.Operations) <= keepFinished {
		return
	}
	for _, o := range sorted(p.Operations) {
		if o.Action.Status != running {
			delete(p.Operations, o.Action.ID)
			if len(p.Operations) <= keepFinished {
				return
			}
		}
	}
}

// busy reports whether an operation with one of the commands, or any if none
// is named, runs on the resource.
func (p *project) busy(kind string, id int64, commands ...string) bool {
	for _, o := range p.Operations {
		if o.Action.Status == running && o.refers(kind, id) &&
			(len(commands) == 0 || slices.Contains(commands, o.Action.Command)) {
			return true
		}
	}
	return false
}

// next is when the first operation falls due, zero if none will.
func (p *project) next() time.Time {
	var first time.Time
	for _, o := range p.Operations {
		if o.runs() && (first.IsZero() || o.Due.Before(first)) {
			first = o.Due
		}
	}
	return first
}

// runs reports whether time alone will complete the operation.
func (o *operation) runs() bool {
	return o.Action.Status == running && !o.Stalled && !o.Due.IsZero()
}

// settle completes every operation that is due at now, in the order in which
// they fall due, and reports whether there was one.
func (p *project) settle(now time.Time) bool {
	changed := false
	for {
		var due *operation
		for _, o := range sorted(p.Operations) {
			if o.runs() && !o.Due.After(now) && (due == nil || o.Due.Before(due.Due)) {
				due = o
			}
		}
		if due == nil {
			return changed
		}
		changed = true
		p.finish(due)
	}
}

// finish ends an operation as its faults decided and starts what waited for
// it; what waited for one that failed, fails too.
func (p *project) finish(o *operation) {
	finished := o.Due
	o.Action.Finished, o.Action.Progress = &finished, 100
	if o.Fails {
		o.Action.Status = failed
		o.Action.Error = &schema.ActionError{Code: "action_failed", Message: "Action failed"}
		p.applyFailure(o)
	} else {
		o.Action.Status = succeeded
		p.apply(o)
	}
	for _, waiting := range sorted(p.Operations) {
		if waiting.After != o.Action.ID || waiting.Action.Status != running {
			continue
		}
		waiting.After = 0
		// A failure of one load balancer action does not stop the next one;
		// only the steps of one creation depend on each other.
		if o.Fails && isStep(o.Action.Command) {
			waiting.Fails, waiting.Stalled = true, false
		}
		waiting.Due = o.Due.Add(waiting.Duration)
	}
}

// isStep reports whether later actions on the resource make no sense when this
// one fails.
func isStep(command string) bool {
	return slices.Contains([]string{"create_server", "create_load_balancer", "create_volume"}, command)
}

// view is the action as of now: progress grows with time and reaches 100 only
// at the end.
func (o *operation) view(now time.Time) schema.Action {
	a := o.Action
	a.Resources = slices.Clone(a.Resources)
	if a.Resources == nil {
		a.Resources = []schema.ActionResourceReference{}
	}
	if a.Status != running || o.Due.IsZero() {
		return a
	}
	begun := o.Due.Add(-o.Duration)
	done := 0.5
	if !o.Stalled && o.Duration > 0 {
		done = float64(now.Sub(begun)) / float64(o.Duration)
	}
	a.Progress = min(99, max(0, int(done*100)))
	return a
}

// apply makes the change of an operation that succeeded. It never fails: what
// could was checked before the operation began, and what has gone since is
// skipped.
func (p *project) apply(o *operation) {
	for _, r := range o.Action.Resources {
		switch r.Type {
		case "server":
			if s := p.Servers[r.ID]; s != nil {
				p.applyServer(s, o)
			}
		case "load_balancer":
			if lb := p.LoadBalancers[r.ID]; lb != nil {
				p.applyLoadBalancer(lb, o)
			}
		case "network":
			if n := p.Networks[r.ID]; n != nil {
				p.applyNetwork(n, o)
			}
		case "firewall":
			if f := p.Firewalls[r.ID]; f != nil {
				p.applyFirewall(f, o)
			}
		case "volume":
			if v := p.Volumes[r.ID]; v != nil {
				p.applyVolume(v, o)
			}
		case "primary_ip":
			if ip := p.PrimaryIPs[r.ID]; ip != nil {
				p.applyPrimaryIP(ip, o)
			}
		case "floating_ip":
			if ip := p.FloatingIPs[r.ID]; ip != nil {
				p.applyFloatingIP(ip, o)
			}
		}
	}
}

// applyFailure leaves things as a failed operation does: a server that could
// not be made or started is there, and off, and has to be cleaned up.
func (p *project) applyFailure(o *operation) {
	for _, r := range o.Action.Resources {
		if s := p.Servers[r.ID]; r.Type == "server" && s != nil && s.Status != string(hcloud.ServerStatusRunning) {
			s.Status = string(hcloud.ServerStatusOff)
		}
	}
}

// getAction answers /actions/{id} and /<resources>/{id}/actions/{action}.
func getAction(c *call) (reply, error) {
	id, err := c.pathID("action")
	if err != nil {
		return reply{}, err
	}
	o, err := find(c.p.Operations, id, "action")
	if err != nil {
		return reply{}, err
	}
	return ok(schema.ActionGetResponse{Action: o.view(c.now)}), nil
}

// listActions answers /actions?id=...; the API no longer lists all actions of
// a project.
func listActions(c *call) (reply, error) {
	ids := c.r.URL.Query()["id"]
	if len(ids) == 0 {
		return reply{}, refuse(http.StatusGone, hcloud.ErrorDeprecatedAPIEndpoint, "listing all actions was removed; ask for actions by id")
	}
	return c.actionList(func(o *operation) bool {
		return slices.Contains(ids, strconv.FormatInt(o.Action.ID, 10))
	})
}

// listActionsOf answers /<resources>/{id}/actions.
func listActionsOf(kind string) handler {
	return func(c *call) (reply, error) {
		id, err := c.pathID("id")
		if err != nil {
			return reply{}, err
		}
		return c.actionList(func(o *operation) bool { return o.refers(kind, id) })
	}
}

func (c *call) actionList(keep func(*operation) bool) (reply, error) {
	states := c.r.URL.Query()["status"]
	var items []item
	for _, o := range sorted(c.p.Operations) {
		if keep(o) && (len(states) == 0 || slices.Contains(states, o.Action.Status)) {
			items = append(items, item{id: o.Action.ID, name: o.Action.Command, created: o.Action.Started, status: o.Action.Status, view: o.view(c.now)})
		}
	}
	return c.list("actions", items)
}
