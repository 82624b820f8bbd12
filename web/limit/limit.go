// Package limit says how often somebody may do something: so many times per key,
// where a key is an address on the network, an account, or whatever else the caller
// counts by.
//
// What it keeps is bounded: a key whose tokens are all there again is forgotten, and
// where there are more keys than it keeps, the new ones share one bucket, so that
// neither memory nor the limit of those who are known can be worn down.
package limit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxKeys is how many keys are kept.
const maxKeys = 10000

// Limiter is a token bucket per key. It is safe for concurrent use.
type Limiter struct {
	every time.Duration
	burst int
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	others  *rate.Limiter
	swept   time.Time
}

// New makes a limiter that lets a key pass burst times at once and then once in
// every. now is the clock; nil is time.Now.
func New(every time.Duration, burst int, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	l := &Limiter{every: every, burst: burst, now: now, buckets: map[string]*rate.Limiter{}}
	l.others = l.bucket()
	return l
}

func (l *Limiter) bucket() *rate.Limiter { return rate.NewLimiter(rate.Every(l.every), l.burst) }

// Allow counts one time for the key. Where it is one too many, it says how long to
// wait for the next.
func (l *Limiter) Allow(key string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.buckets[key]
	if b == nil {
		if len(l.buckets) >= maxKeys {
			l.sweep(now)
		}
		if b = l.others; len(l.buckets) < maxKeys {
			b = l.bucket()
			l.buckets[key] = b
		}
	}
	r := b.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// sweep forgets the keys that say nothing any more, at most once in a while, as it
// looks at all of them. mu is held.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < l.every {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, key)
		}
	}
}

// Address is the key of an address on the network: whoever has one address of
// IPv6 has its whole /64.
func Address(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, _ := a.Prefix(64)
	return p.String()
}
