package journal

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
)

// upcaster brings data of one version to the next.
type upcaster func(json.RawMessage) (json.RawMessage, error)

type upcastKey struct {
	eventType string
	from      int
}

// upcasters are the known steps; the zero value has none.
type upcasters struct {
	mu    sync.RWMutex
	steps map[upcastKey]upcaster
}

// RegisterUpcaster says how data of an event type changes from version from to
// from+1. Every read applies the steps one after the other, so that a fold only
// ever sees the newest shape. Steps are registered before the first read, one
// for each version that was ever stored; registering one twice panics, as it is
// a mistake in the program. An error of fn makes the event unreadable.
func (j *Journal) RegisterUpcaster(eventType string, from int, fn func(json.RawMessage) (json.RawMessage, error)) {
	u := &j.upcasters
	u.mu.Lock()
	defer u.mu.Unlock()
	key := upcastKey{eventType, from}
	if _, twice := u.steps[key]; twice || from < 1 {
		panic(fmt.Sprintf("journal: upcaster of %s from version %d is registered twice or starts below 1", eventType, from))
	}
	if u.steps == nil {
		u.steps = map[upcastKey]upcaster{}
	}
	u.steps[key] = fn
}

// apply brings e to the newest version.
func (u *upcasters) apply(e *Event) error {
	u.mu.RLock()
	defer u.mu.RUnlock()
	for {
		step, ok := u.steps[upcastKey{e.Type, e.Version}]
		if !ok {
			return nil
		}
		data, err := step(e.Data)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "event %s of type %s cannot be brought from version %d to %d", e.ID, e.Type, e.Version, e.Version+1)
		}
		e.Data, e.Version = data, e.Version+1
	}
}

// outdated tells whether e has a version that reads would still change.
func (u *upcasters) outdated(e Event) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	_, ok := u.steps[upcastKey{e.Type, e.Version}]
	return ok
}
