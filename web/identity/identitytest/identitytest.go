// Package identitytest helps tests to sign people in. Making a key costs more than
// most tests, so every test of a process shares two.
package identitytest

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"maps"
	"strings"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
)

// Secrets is a vault in memory.
type Secrets struct {
	mu     sync.Mutex
	values map[string][]byte
}

// NewSecrets makes an empty one.
func NewSecrets() *Secrets { return &Secrets{values: map[string][]byte{}} }

// Put implements [identity.Secrets].
func (s *Secrets) Put(_ context.Context, owner, purpose string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[owner+"/"+purpose] = append([]byte(nil), value...)
	return nil
}

// Reveal implements [identity.Secrets].
func (s *Secrets) Reveal(_ context.Context, owner, purpose string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[owner+"/"+purpose]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no %s", purpose)
	}
	return v, nil
}

// Blind implements [identity.Secrets].
func (s *Secrets) Blind(label string, value []byte) []byte {
	h := hmac.New(sha256.New, []byte("test\x00"+label))
	h.Write(value)
	return h.Sum(nil)
}

// Clone gives a copy, as of a vault restored elsewhere.
func (s *Secrets) Clone() *Secrets {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Secrets{values: maps.Clone(s.values)}
}

// Keys are the private signing keys in it, by kid. It panics where one is not.
func (s *Secrets) Keys() map[string]*rsa.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]*rsa.PrivateKey{}
	for name, raw := range s.values {
		kid, ok := strings.CutPrefix(name, "identity/signing-key-")
		if !ok {
			continue
		}
		var stored struct{ Private []byte }
		if err := json.Unmarshal(raw, &stored); err != nil {
			panic(err)
		}
		key, err := x509.ParsePKCS8PrivateKey(stored.Private)
		if err != nil {
			panic(err)
		}
		out[kid] = key.(*rsa.PrivateKey)
	}
	return out
}

// Ours and Foreign are two instances' secrets, each with its key; a test that
// changes them takes a [Secrets.Clone].
var (
	Ours    = sync.OnceValue(made)
	Foreign = sync.OnceValue(made)
)

func made() *Secrets {
	s := NewSecrets()
	if err := identity.MakeKeys(context.Background(), s); err != nil {
		panic(err)
	}
	return s
}

// Found makes an Organization of the plan ent in a journal, with members by subject
// and role.
func Found(ctx context.Context, j *journal.Journal, org string, members map[string]string) error {
	events := []journal.Event{journal.New("identity.org.founded", map[string]string{"name": org, "plan": identity.PlanEnterprise})}
	for subject, role := range members {
		events = append(events, journal.New("identity.member.joined", map[string]string{"email": subject + "@" + org + ".example", "role": role}).Of(subject))
	}
	_, err := j.Append(ctx, "org."+org, 0, events...)
	return err
}

// Outbox is a [identity.Mailer] that hands over what is sent.
type Outbox chan identity.Mail

// Send implements [identity.Mailer].
func (o Outbox) Send(ctx context.Context, m identity.Mail) error {
	select {
	case o <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
