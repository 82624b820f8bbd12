package simulator

import (
	"slices"
	"strings"
	"time"
)

// Faults is what goes wrong on purpose.
type Faults struct {
	// FailAction names the commands of actions that end in error, e.g.
	// "create_server".
	FailAction []string `json:"failAction,omitempty"`
	// StallAction names the commands of actions that do not end until the
	// faults are replaced.
	StallAction []string `json:"stallAction,omitempty"`
	// OutOfStock names server types that cannot be ordered, as "cpx32@hel1" or
	// "cpx32" for every location.
	OutOfStock []string `json:"outOfStock,omitempty"`
	// FailRelease and StallRelease name releases that fail or never become
	// ready in the clusters behind the servers; see [ReleaseFaulter].
	FailRelease  []string `json:"failRelease,omitempty"`
	StallRelease []string `json:"stallRelease,omitempty"`
	// Times is how many actions fail or stall before the cloud is well again;
	// 0 is no end. It counts actions only.
	Times int `json:"times,omitempty"`
	// Spent is how many have failed or stalled since the faults were set.
	Spent int `json:"spent,omitempty"`
}

// ReleaseFaulter is a [Booter] whose clusters can be made to fail.
type ReleaseFaulter interface {
	// SetFaults replaces the names of the releases that fail or stall.
	SetFaults(fail, stall []string)
}

// take decides the fate of an action that begins.
func (f *Faults) take(command string) (fails, stalls bool) {
	if f.Times > 0 && f.Spent >= f.Times {
		return false, false
	}
	fails = slices.Contains(f.FailAction, command)
	stalls = !fails && slices.Contains(f.StallAction, command)
	if fails || stalls {
		f.Spent++
	}
	return fails, stalls
}

// sells reports whether a server type can be had at a location as far as the
// faults are concerned.
func (f *Faults) sells(serverType, location string) bool {
	return !slices.ContainsFunc(f.OutOfStock, func(entry string) bool {
		name, at, everywhere := strings.Cut(entry, "@")
		return name == serverType && (!everywhere || at == location)
	})
}

// setFaults replaces the faults. Actions that stalled and no longer should go
// on and end after their usual time.
func (p *project) setFaults(f Faults, at time.Time) {
	f.Spent = 0
	p.Faults = f
	for _, o := range p.Operations {
		if o.Stalled && !slices.Contains(f.StallAction, o.Action.Command) {
			o.Stalled = false
			if !o.Due.IsZero() {
				o.Due = at.Add(o.Duration)
			}
		}
	}
}

// passFaults tells the Booter of the faults that are its own.
func (s *Simulator) passFaults(f Faults) {
	if faulter, can := s.options.Boot.(ReleaseFaulter); can {
		faulter.SetFaults(f.FailRelease, f.StallRelease)
	}
}
