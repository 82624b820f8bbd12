package tofu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/run"
)

// Recovery says how to go on after an apply was lost.
type Recovery struct {
	Request
	// Approved are the addresses that the person agreed to create or change.
	Approved []string
	// Finder looks the provider up for resources that the lost apply may have made;
	// nil means that only the streams are believed.
	Finder Finder
}

// Finder finds what exists at a provider. It changes nothing there.
type Finder interface {
	// Find gives, for each address of plan that is to be created and exists
	// already, the id that an import needs; known are the provider's ids from the
	// streams, by address. handled are the addresses that it can judge: of those,
	// one that was not found does not exist.
	Find(ctx context.Context, plan *tfjson.Plan, known map[string]string) (found map[string]string, handled map[string]bool, err error)
}

// Recovered is the plan that continues a lost apply.
type Recovered struct {
	*Plan
	// Beyond names what the plan would do beyond the approval: empty means that the
	// person's consent covers it. Anything destroyed or replaced is beyond.
	Beyond []string
}

// Recover makes the plan that continues deployment's lost applies: what they
// made is taken from their streams and from the provider, imported, and only
// the rest is created. Nothing in the cloud is changed. It refuses while a
// process of a run is alive.
func (e *Engine) Recover(ctx context.Context, r Recovery) (*Recovered, error) {
	f, err := e.folder(r.ID)
	if err != nil {
		return nil, err
	}
	release, err := e.hold(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := e.bury(f); err != nil {
		return nil, err
	}
	if err := e.stage(ctx, f, r.Endpoint); err != nil {
		return nil, err
	}
	known, errored, err := f.history()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the stream of the lost apply cannot be read")
	}
	first, err := e.plan(ctx, f, r.Request)
	if err != nil {
		return nil, err
	}
	changed, err := e.untaint(ctx, f, r.Endpoint, first.Parsed, errored)
	if err != nil {
		return nil, err
	}
	if changed {
		if first, err = e.plan(ctx, f, r.Request); err != nil {
			return nil, err
		}
	}
	imports, err := adoptions(ctx, first.Parsed, known, r.Finder)
	if err != nil {
		return nil, err
	}
	plan := first
	if len(imports) > 0 {
		if err := writeFile(f.imports(), importBlocks(imports)); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the import blocks cannot be written")
		}
		if plan, err = e.plan(ctx, f, r.Request); err != nil {
			return nil, err
		}
	}
	e.opts.Logger.InfoContext(ctx, "lost apply examined", "deployment", r.ID, "imports", len(imports))
	return &Recovered{Plan: plan, Beyond: beyond(plan.Parsed, r.Approved)}, nil
}

// bury makes sure that no run of the folder lives, and clears what a killed
// tofu leaves: secret files, a state of zero bytes, old import blocks.
func (e *Engine) bury(f folder) error {
	names, err := f.runNames()
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the runs of the deployment cannot be read")
	}
	for _, name := range names {
		status, err := run.Inspect(f.run(name))
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the run %s cannot be read", name)
		}
		if status.State == run.Running {
			return fault.New(fault.Conflict, "run %s is still alive", name).Do("wait for its end, or cancel it")
		}
	}
	err = e.removeRunSecrets(f)
	if removeErr := os.Remove(f.imports()); err == nil && !errors.Is(removeErr, fs.ErrNotExist) {
		err = removeErr
	}
	if info, statErr := os.Stat(f.state()); statErr == nil && info.Size() == 0 {
		if removeErr := os.Remove(f.state()); err == nil {
			err = removeErr
		}
	}
	// The lock itself went with its process; only its description is left.
	_ = os.Remove(filepath.Join(f.module(), ".terraform.tfstate.lock.info"))
	return fault.Wrap(err, fault.Unavailable, "the remains of the lost apply cannot be cleared")
}

// cutOff matches an error that says only that the provider's API could not be
// reached: what was being made is there, or will be.
var cutOff = regexp.MustCompile(`connection refused|connection reset|dial tcp|i/o timeout|TLS handshake timeout|no such host|: EOF|unexpected EOF|server closed idle connection`)

// history reads the streams of all runs: the provider's id of each resource
// that was completed, and the addresses that failed at the provider.
func (f folder) history() (known map[string]string, errored map[string]bool, err error) {
	known, errored = map[string]string{}, map[string]bool{}
	names, err := f.runNames()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		offset := int64(0)
		for {
			records, err := run.Read(f.run(name), offset)
			if err != nil {
				return nil, nil, err
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				offset = r.Next
				m, ok := Decode(r.Line)
				if !ok {
					continue
				}
				if d := m.Diagnostic; d != nil && d.Severity == "error" && cutOff.MatchString(d.Summary+" "+d.Detail) {
					delete(errored, d.Address)
				}
				if m.Address == "" {
					continue
				}
				switch m.Type {
				case "apply_complete":
					delete(errored, m.Address)
					if m.Action == "delete" {
						delete(known, m.Address)
					} else if m.ID != "" {
						known[m.Address] = m.ID
					}
				case "apply_errored":
					errored[m.Address] = true
				}
			}
		}
	}
	return known, errored, nil
}

// untaint takes the mark off resources that were only interrupted: a tainted one
// would be replaced, at a new address and a new price. What really failed keeps
// its mark.
func (e *Engine) untaint(ctx context.Context, f folder, endpoint string, plan *tfjson.Plan, errored map[string]bool) (changed bool, err error) {
	for _, c := range plan.ResourceChanges {
		if c.ActionReason != "replace_because_tainted" || errored[c.Address] {
			continue
		}
		tf, err := e.client(ctx, f, endpoint)
		if err == nil {
			err = tf.Untaint(ctx, c.Address)
		}
		if err != nil {
			return changed, failed(ctx, err, nil, "an interrupted resource cannot be taken over")
		}
		changed = true
	}
	f.protect()
	return changed, nil
}

// adoptions decides what to import. The provider's own answer counts where the
// finder can judge; elsewhere the stream does. An id in the stream that is not
// the one found means that somebody else has interfered: then nothing is done.
func adoptions(ctx context.Context, plan *tfjson.Plan, known map[string]string, finder Finder) (map[string]string, error) {
	found, handled := map[string]string{}, map[string]bool{}
	if finder != nil {
		var err error
		if found, handled, err = finder.Find(ctx, plan, known); err != nil {
			return nil, err
		}
	}
	imports := map[string]string{}
	for _, c := range plan.ResourceChanges {
		if c.Mode != tfjson.ManagedResourceMode || c.Change == nil || !c.Change.Actions.Create() {
			continue
		}
		if id, ok := found[c.Address]; ok {
			imports[c.Address] = id
		} else if id, ok := known[c.Address]; ok && !handled[c.Address] {
			imports[c.Address] = id
		}
	}
	return imports, nil
}

// importBlocks writes one import block per address, sorted.
func importBlocks(imports map[string]string) []byte {
	addresses := make([]string, 0, len(imports))
	for address := range imports {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	var b bytes.Buffer
	for _, address := range addresses {
		fmt.Fprintf(&b, "import {\n  to = %s\n  id = %s\n}\n", address, quote(imports[address]))
	}
	return b.Bytes()
}

// beyond lists what a plan does outside the approved addresses.
func beyond(plan *tfjson.Plan, approved []string) []string {
	var out []string
	for _, c := range plan.ResourceChanges {
		if c.Change == nil || c.Mode != tfjson.ManagedResourceMode {
			continue
		}
		a := c.Change.Actions
		switch {
		case a.Delete(), a.Replace(), a.Forget():
			out = append(out, "remove "+c.Address)
		case a.NoOp(), a.Read():
		case !slices.Contains(approved, c.Address):
			out = append(out, "change "+c.Address)
		}
	}
	return out
}

// reference matches a resource in an expression's list of references.
var reference = regexp.MustCompile(`^([a-z0-9_]+\.[A-Za-z0-9_-]+)(\[[^\]]+\])?`)

// parentOf gives the id of the resource that an attribute of c refers to: by
// its value where that is known, by the configuration's reference otherwise, or
// because there is only one of that type. Empty means that it cannot be told.
func parentOf(plan *tfjson.Plan, c *tfjson.ResourceChange, attribute, parentType string, ids map[string]string) string {
	if v := textOf(mapOf(c.Change.After)[attribute]); v != "" {
		return v
	}
	keys := instanceKeys(c)
	for _, ref := range referencesOf(plan, c, attribute) {
		m := reference.FindStringSubmatch(ref)
		if m == nil || !strings.HasPrefix(m[1], parentType+".") {
			continue
		}
		for _, key := range append([]string{m[2]}, keys...) {
			if id := ids[m[1]+key]; id != "" {
				return id
			}
		}
	}
	only := ""
	for address, id := range ids {
		if strings.HasPrefix(address, parentType+".") {
			if only != "" && only != id {
				return ""
			}
			only = id
		}
	}
	return only
}

// instanceKeys are the keys that a parent of c may have: c's own, e.g. [0], and,
// where that is a composed text such as ["console/80"], each of its parts; last
// comes none.
func instanceKeys(c *tfjson.ResourceChange) []string {
	keys := []string{strings.TrimPrefix(c.Address, c.Type+"."+c.Name)}
	if text, ok := c.Index.(string); ok {
		for part := range strings.SplitSeq(text, "/") {
			keys = append(keys, "["+quote(part)+"]")
		}
	}
	return append(keys, "")
}

func referencesOf(plan *tfjson.Plan, c *tfjson.ResourceChange, attribute string) []string {
	if plan.Config == nil || plan.Config.RootModule == nil {
		return nil
	}
	for _, r := range plan.Config.RootModule.Resources {
		if r.Type != c.Type || r.Name != c.Name {
			continue
		}
		if x := r.Expressions[attribute]; x != nil && x.ExpressionData != nil {
			return x.References
		}
	}
	return nil
}

// textOf is a known string or number as text.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	case fmt.Stringer: // json.Number
		return v.String()
	}
	return ""
}
