package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// ModelAccess is a model that agents think with. Sessions never see its key: their
// holders have it in memory, and put it in.
type ModelAccess struct {
	// URL is the address that an agent's paths are put behind.
	URL string `json:"url"`
	// Key is the provider's; empty for an endpoint without.
	Key string `json:"key"`
	// Name is the model's; empty leaves it to the agent.
	Name string `json:"model,omitempty"`
}

// Payer is whose key an agent thinks with.
type Payer string

// The payers, the first that has a key first.
const (
	Person       Payer = "person"
	Organization Payer = "organization"
	Operator     Payer = "service"
)

// Vault keeps people's and Organizations' model keys. A fault of [fault.NotFound]
// says that there is none.
type Vault interface {
	Put(ctx context.Context, owner, purpose string, value []byte) error
	Reveal(ctx context.Context, owner, purpose string) ([]byte, error)
	Delete(ctx context.Context, owner, purpose string) error
}

// ModelKey is what may be shown of a key.
type ModelKey struct {
	URL   string `json:"url"`
	Model string `json:"model,omitempty"`
	// Ending is the last four characters, by which its owner knows it; empty where
	// they would be a good part of the key.
	Ending  string    `json:"ending"`
	AddedAt time.Time `json:"addedAt"`
}

// ModelInfo is what agents of one wire format think with for somebody.
type ModelInfo struct {
	API agent.API `json:"api"`
	// Agents are the titles of those that speak it.
	Agents []string `json:"agents"`
	// Uses is whose key a new session gets; empty when there is none.
	Uses         Payer     `json:"uses,omitempty"`
	Own          *ModelKey `json:"own,omitempty"`
	Organization *ModelKey `json:"organization,omitempty"`
	// Operator is true when the service itself has one.
	Operator bool `json:"service"`
	// URL is where keys of this kind usually belong.
	URL string `json:"url"`
}

// storedKey is how a key lies in the vault.
type storedKey struct {
	ModelAccess
	AddedAt time.Time `json:"addedAt"`
}

// providers say for each wire format where its models usually are, and what lists
// them there (platform.claude.com/docs/en/api/models-list,
// platform.openai.com/docs/api-reference/models/list).
var providers = map[agent.API]struct{ url, list string }{
	agent.Anthropic: {"https://api.anthropic.com", "/v1/models"},
	agent.OpenAI:    {"https://api.openai.com/v1", "/models"},
}

const (
	// maxModelKey bounds a key, in bytes; those of the known providers have up to 200.
	maxModelKey = 4096
	// checkWithin is how long the provider may take to say whether a key is good.
	checkWithin = 10 * time.Second
)

// keyOwner names the owner of a key in the vault.
func keyOwner(actor journal.Actor, of Payer) string {
	if of == Organization {
		return "organization " + actor.OrgID + " models"
	}
	return "person " + actor.Subject + " models"
}

// stored gives the key that is kept for somebody; nil for none.
func (s *Service) stored(ctx context.Context, actor journal.Actor, of Payer, api agent.API) (*storedKey, error) {
	if s.o.Vault == nil {
		return nil, nil
	}
	raw, err := s.o.Vault.Reveal(ctx, keyOwner(actor, of), string(api))
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k storedKey
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the model key in the vault is damaged").(*fault.Error).Do("Remove it, and add it again.")
	}
	return &k, nil
}

// model finds what the actor's sessions think with: their own key, else their
// Organization's, else the service's. ok is false when there is none.
func (s *Service) model(ctx context.Context, actor journal.Actor, api agent.API) (m ModelAccess, of Payer, ok bool, err error) {
	for _, of := range []Payer{Person, Organization} {
		k, err := s.stored(ctx, actor, of, api)
		if err != nil {
			return m, "", false, err
		}
		if k != nil {
			return k.ModelAccess, of, true, nil
		}
	}
	m, ok = s.o.Models[api]
	return m, Operator, ok, nil
}

// Models says what the actor's agents think with, and whose keys there are.
func (s *Service) Models(ctx context.Context, actor journal.Actor) ([]ModelInfo, error) {
	var out []ModelInfo
	for _, api := range []agent.API{agent.Anthropic, agent.OpenAI} {
		info := ModelInfo{API: api, URL: providers[api].url}
		for _, a := range agent.Catalogue() {
			if a.API == api {
				info.Agents = append(info.Agents, a.Title)
			}
		}
		_, of, ok, err := s.model(ctx, actor, api)
		if err != nil {
			return nil, err
		}
		if ok {
			info.Uses = of
		}
		_, info.Operator = s.o.Models[api]
		for of, show := range map[Payer]**ModelKey{Person: &info.Own, Organization: &info.Organization} {
			k, err := s.stored(ctx, actor, of, api)
			if err != nil {
				return nil, err
			}
			if k != nil {
				*show = &ModelKey{URL: k.URL, Model: k.Name, Ending: ending(k.Key), AddedAt: k.AddedAt}
			}
		}
		out = append(out, info)
	}
	return out, nil
}

func ending(key string) string {
	if len(key) < 20 {
		return ""
	}
	return key[len(key)-4:]
}

// SetModel keeps a key for the actor, or for their Organization; the caller has
// seen to it that they may. Its provider is asked first whether it is good. New
// sessions use it; those that run keep what they started with.
func (s *Service) SetModel(ctx context.Context, actor journal.Actor, of Payer, api agent.API, m ModelAccess) error {
	if s.o.Vault == nil {
		return fault.New(fault.Unavailable, "this service keeps no model keys")
	}
	m.URL, m.Key, m.Name = strings.TrimRight(strings.TrimSpace(m.URL), "/"), strings.TrimSpace(m.Key), strings.TrimSpace(m.Name)
	if m.URL == "" {
		m.URL = providers[api].url
	}
	if err := s.checkModel(api, m); err != nil {
		return err
	}
	if err := s.tryKey(ctx, api, m); err != nil {
		return err
	}
	raw, err := json.Marshal(storedKey{m, time.Now().UTC().Truncate(time.Millisecond)})
	if err != nil {
		return err
	}
	return s.o.Vault.Put(ctx, keyOwner(actor, of), string(api), raw)
}

// checkModel finds everything that is wrong with a key as it was typed.
func (s *Service) checkModel(api agent.API, m ModelAccess) error {
	if _, ok := providers[api]; !ok {
		return fault.New(fault.NotFound, "there are no models that speak %q", cut(string(api))).At("api").Do("Choose anthropic or openai.")
	}
	var v []fault.Violation
	bad := func(path, rule, message, suggestion string) {
		v = append(v, fault.Violation{Path: path, Rule: rule, Message: message, Suggestion: suggestion})
	}
	switch {
	case m.Key == "":
		bad("key", "required", "There is no key.", "Paste it from your provider's console.")
	case len(m.Key) > maxModelKey || strings.ContainsFunc(m.Key, func(r rune) bool { return r <= ' ' || r > '~' }):
		bad("key", "characters", "A key is one line of letters, digits and signs.", "Copy it again.")
	}
	if len(m.Name) > 200 || strings.ContainsFunc(m.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		bad("model", "length", "The model's name is too long, or has strange characters.", "")
	} else if m.Name == "" && api == agent.OpenAI {
		bad("model", "required", "An OpenAI-compatible service has many models.", "Name the one to think with.")
	}
	if err := checkModelURL(m.URL, s.o.ModelHosts); err != nil {
		suggestion := "Start the service with --model-hosts."
		if len(s.o.ModelHosts) > 0 {
			suggestion = "Models may be on: " + strings.Join(s.o.ModelHosts, ", ") + "."
		}
		bad("url", "host", "The address cannot be used: "+err.Error()+".", suggestion)
	}
	return fault.Violated("the model key", v)
}

// checkModelURL says what is wrong with an address.
func checkModelURL(address string, hosts []string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it is no plain https address")
	}
	return hold.CheckHost(u, hosts)
}

// tryKey asks the provider whether it takes the key. One that cannot list its models
// is believed; one that cannot be reached is not.
func (s *Service) tryKey(ctx context.Context, api agent.API, m ModelAccess) error {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+providers[api].list, nil)
	if err != nil {
		return err
	}
	if api == agent.Anthropic {
		req.Header.Set("X-Api-Key", m.Key)
		req.Header.Set("Anthropic-Version", "2023-06-01")
	} else {
		req.Header.Set("Authorization", "Bearer "+m.Key)
	}
	transport := &http.Transport{DialContext: hold.DialListed(s.o.ModelHosts), ForceAttemptHTTP2: true, DisableKeepAlives: true}
	res, err := (&http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(req)
	if err != nil {
		return fault.New(fault.Unavailable, "%s cannot be reached", req.URL.Host).At("url").Do("Check the address, or try again in a moment. Nothing was kept.")
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return fault.Violated("the model key", []fault.Violation{{
			Path: "key", Rule: "refused", Message: fmt.Sprintf("%s does not take this key.", req.URL.Host), Suggestion: "Copy it again, or make a new one there.",
		}})
	}
	return nil
}

// RemoveModel destroys a key. Sessions that run go on with it until they end.
func (s *Service) RemoveModel(ctx context.Context, actor journal.Actor, of Payer, api agent.API) error {
	if _, ok := providers[api]; !ok {
		return fault.New(fault.NotFound, "there are no models that speak %q", cut(string(api))).At("api")
	}
	if s.o.Vault == nil {
		return nil
	}
	return s.o.Vault.Delete(ctx, keyOwner(actor, of), string(api))
}

// noModel says why an agent cannot think.
func (s *Service) noModel(a agent.Agent) error {
	e := fault.New(fault.Unavailable, "%s has no model to think with here", a.Title).At("agent")
	if s.o.Vault != nil {
		return e.Do("Add a model key of yours.")
	}
	if a.API == agent.Anthropic {
		return e.Do("Start the service with --anthropic-key-file.")
	}
	return e.Do("Start the service with --openai-base-url and --agent-model.")
}
