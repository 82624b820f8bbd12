package guide

import (
	"fmt"
	"strconv"
	"strings"
)

// servers sets the number and size of servers.
func (t *turn) servers(u *understanding, w *work) error {
	c := u.counts
	now, _ := t.draft.workers()
	count := -1
	switch distinct := unique(c.workers); {
	case len(distinct) > 1 && !u.corrects():
		values := make([]string, 0, len(distinct))
		for _, n := range distinct {
			values = append(values, strconv.Itoa(n))
		}
		w.after = append(w.after, t.reply("whichcount"))
		w.ask = append(w.ask, t.choice(fieldWorkers, t.reply("whichcount"), values, nil, ""))
	case len(distinct) > 0:
		count = distinct[len(distinct)-1]
	case c.change != 0:
		count = max(now+c.change, 0)
	case c.times == 2:
		count = now * 2
	case c.times == -2:
		count = max(now/2, 1)
	case (t.open[fieldWorkers] || len(c.dropWorker) > 0) && c.hasBare:
		count = c.bare
	}
	if c.badWorkers {
		w.after = append(w.after, t.reply("workersrange", "most", strconv.Itoa(t.MostWorkers)))
		t.replied = true
	} else if c.many && !w.sets(fieldWorkerSize) {
		w.after = append(w.after, t.reply("howmanyworkers", "most", strconv.Itoa(t.MostWorkers)))
		t.replied = true
	}
	if u.dropWorkers {
		w.put(fieldWorkers, nil)
	}
	if count < 0 && len(c.dropWorker) == 0 && u.dropsWorkers() {
		count = 0
	}
	if count >= 0 && !(count == now && t.draft.field(fieldWorkers, "workerCount").Source == "said") {
		w.put(fieldWorkers, count)
		w.note(t.workersLabel(count, ""))
	}
	if count >= 0 && !w.sets(fieldWorkers) {
		w.same = append(w.same, t.workersLabel(count, ""))
	}
	if c.control == 2 {
		w.after = append(w.after, t.reply("twocontrol"))
		t.replied = true
	}
	if u.haClash {
		w.after = append(w.after, t.reply("haclash"))
		t.replied = true
	} else if u.ha != nil {
		label := t.label("value", "noha")
		if *u.ha {
			label = t.label("value", "ha")
		}
		if t.draft.Spec.HAEnabled != nil && *t.draft.Spec.HAEnabled == *u.ha {
			w.same = append(w.same, label)
		} else {
			w.put(fieldHA, *u.ha)
			w.note(label)
		}
	}
	if c.several > 1 {
		w.after = append(w.after, t.language.topics["multiregion"].Answer)
	}
	return t.machines(u, w)
}

// dropsWorkers is true for "no workers".
func (u *understanding) dropsWorkers() bool {
	for _, m := range u.byKind["count"] {
		if m.id == "workers" && !u.name.covers(m) {
			if c, ok := u.nearest("cue", m.from, "drop"); ok && c.to == m.from && c.words == 1 {
				if mode := u.mode(u.sentence(m)); !mode.asks || mode.requests {
					return u.machineWord(m)
				}
			}
		}
	}
	return false
}

// machineWord is true where the word is "worker" and not "server" in general.
func (u *understanding) machineWord(m match) bool {
	for _, s := range u.byKind["size"] {
		if s.id == "worker" && s.from >= m.from && s.to <= m.to {
			return true
		}
	}
	return false
}

func unique(in []int) []int {
	var out []int
	for _, n := range in {
		seen := false
		for _, o := range out {
			seen = seen || o == n
		}
		if !seen {
			out = append(out, n)
		}
	}
	return out
}

// The catalogue's categories that a person may ask for by another word.
const (
	armCategory       = "shared-arm"
	dedicatedCategory = "dedicated"
)

type sizeItem struct {
	ID        string `json:"id"`
	VCPU      int    `json:"vcpu"`
	MemoryGB  int    `json:"memoryGB"`
	DiskGB    int    `json:"diskGB"`
	Category  string `json:"category"`
	Monthly   any    `json:"monthly"`
	Currency  string `json:"currency"`
	Orderable bool   `json:"orderable"`
}

// price is the monthly price as text, empty where it is unknown.
func (s sizeItem) price() string {
	switch v := s.Monthly.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case map[string]any:
		a, _ := v["amount"].(string)
		return a
	}
	return ""
}

func (t *turn) sizeList(region string) ([]sizeItem, error) {
	args := map[string]any{}
	if region != "" {
		args["region"] = region
	}
	var out struct {
		Items []sizeItem `json:"items"`
	}
	err := t.call(toolSizes, args, &out)
	return out.Items, err
}

// machines sets the machine type that was wished for.
func (t *turn) machines(u *understanding, w *work) error {
	m := u.machine
	if !m.wished() || t.calls >= callsBeforeSet {
		return nil
	}
	if m.category == "x86" {
		w.put(fieldWorkerSize, nil) // back to what is suggested
		w.note(t.label("value", "suggestedsize"))
		return nil
	}
	region := t.draft.region()
	for _, c := range w.changes {
		if c.Field == fieldRegion {
			region, _ = c.Value.(string)
		}
	}
	items, err := t.sizeList(region)
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	set := func(field, label, now string, m machine) {
		pick, ok := pickSize(items, m, now)
		switch {
		case ok && pick.ID == now && m.id != "":
			w.same = append(w.same, t.label("value", label, "v", now))
		case ok && pick.ID == now:
			w.after = append(w.after, t.reply("sizenone", "size", now))
		case ok:
			w.put(field, pick.ID)
			if pick.Category == armCategory {
				w.after = append(w.after, t.reply("armnote"))
			}
			w.note(t.label("value", label, "v", fmt.Sprintf("%s (%d vCPU, %d GB)", pick.ID, pick.VCPU, pick.MemoryGB)))
		case m.id != "":
			w.after = append(w.after, t.reply("sizeunknown", "size", m.id, "list", t.sizeNames(items)))
		default:
			w.after = append(w.after, t.reply("sizenone", "size", now))
		}
	}
	if m.controlID != "" {
		set(fieldCPSize, "cpsize", t.draft.controlPlaneSize(), machine{id: m.controlID})
	}
	if m.controlID = ""; !m.wished() {
		return nil
	}
	if n, known := t.draft.workers(); known && n == 0 && !m.worker {
		m.control = true // the one server that there is
	}
	if m.control {
		set(fieldCPSize, "cpsize", t.draft.controlPlaneSize(), m)
	}
	if m.worker || !m.control {
		set(fieldWorkerSize, "workersize", t.draft.workerSize(), m)
	}
	return nil
}

func (t *turn) sizeNames(items []sizeItem) string {
	var ids []string
	for _, s := range items {
		if s.Orderable && len(ids) < 8 {
			ids = append(ids, s.ID)
		}
	}
	return t.join(ids)
}

// pickSize finds the machine that is wished for: by its name, by at least so
// much memory and so many cores, or a step up or down of the same kind.
func pickSize(items []sizeItem, m machine, now string) (sizeItem, bool) {
	var present sizeItem
	for _, s := range items {
		if s.ID == now {
			present = s
		}
		if m.id != "" && strings.EqualFold(s.ID, m.id) {
			return s, s.Orderable
		}
	}
	if m.id != "" {
		return sizeItem{}, false
	}
	var best sizeItem
	found := false
	better := func(s sizeItem) bool {
		if !found {
			return true
		}
		smaller := s.MemoryGB < best.MemoryGB || s.MemoryGB == best.MemoryGB && (s.VCPU < best.VCPU || s.VCPU == best.VCPU && dearer(best, s))
		if m.step == -1 || m.step == 9 {
			return s.MemoryGB > best.MemoryGB || s.MemoryGB == best.MemoryGB && s.VCPU > best.VCPU
		}
		return smaller
	}
	sameKind := func(s sizeItem) bool {
		return now == "" || family(s.ID) == family(now) || m.category != "" || m.step == 9
	}
	for _, pass := range []bool{true, false} {
		for _, s := range items {
			if !s.Orderable || pass && !sameKind(s) || !pass && s.Category == armCategory && m.category != "arm" || !m.fits(s, present) {
				continue
			}
			if better(s) {
				best, found = s, true
			}
		}
		if found {
			break
		}
	}
	return best, found
}

// fits is true where a machine is what is wished for.
func (m machine) fits(s, present sizeItem) bool {
	arm := s.Category == armCategory
	switch m.category {
	case "arm":
		if !arm {
			return false
		}
	case "dedicated":
		if s.Category != dedicatedCategory {
			return false
		}
	default:
		if arm && present.Category != armCategory {
			return false
		}
	}
	if s.MemoryGB < m.memory || s.VCPU < m.cores {
		return false
	}
	if m.memory > 0 || m.cores > 0 || m.category != "" && m.step == 0 {
		return m.category == "" || s.MemoryGB >= present.MemoryGB || m.memory > 0
	}
	switch m.step {
	case 1:
		return s.MemoryGB > present.MemoryGB
	case -1:
		return s.MemoryGB < present.MemoryGB
	}
	return true
}

func dearer(a, b sizeItem) bool {
	x, err1 := strconv.ParseFloat(a.price(), 64)
	y, err2 := strconv.ParseFloat(b.price(), 64)
	return err1 == nil && err2 == nil && x > y
}

// family is the machine type's name without its size.
func family(id string) string { return strings.TrimRight(strings.ToLower(id), "0123456789") }

func (t *turn) workersLabel(n int, size string) string {
	id := "workers"
	switch n {
	case 0:
		return t.label("value", "noworkers")
	case 1:
		id = "worker"
	}
	if size == "" {
		id += "nosize"
	}
	return t.label("value", id, "n", strconv.Itoa(n), "size", size)
}
