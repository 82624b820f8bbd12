package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/model/guide"
	"github.com/openova-io/sandbox/conversation/skill"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/mcp/concierge"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/tofu"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/shell/push"
	"github.com/openova-io/sandbox/voice"
	"github.com/openova-io/sandbox/voice/recording"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/app"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
)

// service is the whole of one running service. This file is the only place that
// knows all rooms.
type service struct {
	c      *config
	public string
	lan    *lan // the second address; may be nil
	logger *slog.Logger
	stop   func()

	vault         *vault.Vault
	journal       *journal.Journal
	identity      *identity.Identity
	audit         *audit.Log
	catalogue     *provisioner.Catalogue
	provisioner   *provisioner.Service
	conversations *conversation.Service
	toolbox       *mcp.Registry
	endpoint      *mcp.Endpoint
	agent         *mcp.Client
	sovereign     *web.Sovereign
	push          *push.Push
	shell         *shell.Service
	calls         *voice.Service
	recordings    *recording.Store // of calls; may be nil
	noCalls       error            // why there are none
	outbox        *identity.Outbox // of a service that sends no mails
	releases      *ownReleases     // of the Sovereign whose console this is; may be nil

	stopping sync.Map // the connections of those who wait for the process's end
}

// open makes the parts, in the order in which they need each other.
func (s *service) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.vault, err = vault.Open(filepath.Join(s.c.DataDir, "vault"), vault.Options{MasterKeyFile: s.c.MasterKeyFile}); err != nil {
		return err
	}
	s.journal, err = journal.Open(ctx, journal.Options{Dir: filepath.Join(s.c.DataDir, "journal"), URL: s.c.NATSURL, Sealer: s.vault, Logger: s.logger})
	if err != nil {
		return err
	}
	options := identity.Options{
		Secrets: s.vault, Issuer: s.public, Journal: s.journal, MaxTokenTTL: s.c.MaxTokenTTL,
		SignUp: s.c.SignUp && s.c.SovereignFQDN == "", SignUpPlan: s.c.SignUpPlan, Logger: s.logger, Resource: web.MCPResource(s.public),
	}
	if options.Providers, err = readProviders(s.c.OIDCFile); err != nil {
		return err
	}
	if options.Mailer, s.outbox, err = openMails(s.c, s.journal); err != nil {
		return err
	}
	if s.c.SovereignFQDN != "" {
		if s.sovereign, options.Handover, err = readSovereign(s.c); err != nil {
			return err
		}
		options.Resource = "" // it has no toolbox
		options.HomeName = s.sovereign.OrgName
		if s.c.SovereignKubeconfig != "" {
			if s.releases, err = openReleases(s.c, s.logger); err != nil {
				return err
			}
		}
	}
	if s.identity, err = identity.Open(ctx, options); err != nil {
		return err
	}
	s.audit = audit.New(s.journal, nil)
	if s.catalogue, err = provisioner.LoadCatalogue(); err != nil {
		return err
	}
	holder, _ := tools{s.c}.holder()
	models, err := agentModels(s.c)
	if err != nil {
		return err
	}
	servers, err := toolServers(s.c)
	if err != nil {
		return err
	}
	allowed, err := places("egress", s.c.Egress)
	if err != nil {
		return err
	}
	gitHosts, err := places("git-hosts", s.c.GitHosts)
	if err != nil {
		return err
	}
	modelHosts, err := places("model-hosts", s.c.ModelHosts)
	if err != nil {
		return err
	}
	var modelKeys shell.Vault
	if len(modelHosts) > 0 {
		modelKeys = s.vault
	}
	hold.Delegate()
	contact := "sandbox@localhost"
	if strings.HasPrefix(s.public, "https:") {
		contact = s.public
	}
	if s.push, err = push.Open(ctx, push.Options{Vault: s.vault, Contact: contact, Inside: list(s.c.PushInside), Logger: s.logger}); err != nil {
		return err
	}
	s.shell, err = shell.New(ctx, shell.Options{
		Journal: s.journal, Dir: filepath.Join(s.c.DataDir, "sessions"), Isolation: hold.Isolation(s.c.Isolation),
		Launcher: hold.Detached{Holder: holder}, Holder: holder, Logger: s.logger,
		Installed: tools{s.c}.agent, Models: models, Vault: modelKeys, ModelHosts: modelHosts, Tools: servers, Egress: allowed, GitHosts: gitHosts, RecordingsKeep: s.c.SessionRecordings,
		Limits: hold.Limits{Memory: int64(max(s.c.SessionMemory, 0) * (1 << 30)), Processes: int(max(s.c.SessionTasks, 0))},
		Tell: func(owner journal.Actor, n shell.Notice) {
			s.push.Tell(owner.Subject, push.Message{Session: n.Session, Name: n.Name, What: n.What, Text: n.Text, Card: n.Card})
		},
	})
	if err != nil || s.sovereign != nil {
		return err
	}
	if s.provisioner, err = s.openProvisioner(); err != nil {
		return err
	}
	packs, err := skill.Load(s.c.SkillsDir)
	if err != nil {
		return err
	}
	s.toolbox = concierge.New(concierge.Options{
		Provisioner: s.provisioner, Catalogue: s.catalogue, Stage: stage{s}, Skills: skills{packs},
		Begin: s.begin, Own: s.own, OpenAPI: web.OpenAPI, PublicURL: s.public, Version: buildVersion(), Logger: s.logger,
		Waiting: tools{s.c}.waiting,
	})
	if s.agent, err = s.toolbox.Local(ctx); err != nil {
		return err
	}
	thinkers, err := s.models()
	if err != nil {
		return err
	}
	s.conversations, err = conversation.New(conversation.Options{
		Journal: s.journal, Models: thinkers, Toolbox: s.toolboxOf, Consent: consent{s}, Secrets: s.vault, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	return s.openCalls()
}

func (s *service) openProvisioner() (*provisioner.Service, error) {
	t := tools{s.c}
	holder, _ := t.holder()
	engine, err := tofu.New(tofu.Options{
		TofuPath: t.await, Mirror: func() string { m, _ := t.mirror(); return m }, HolderPath: holder,
		Dir: filepath.Join(s.c.DataDir, "deployments"), Module: hetzner.Files(), Keys: s.vault, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	return provisioner.New(provisioner.Options{
		Journal: s.journal, Vault: auditedVault{s.vault, s}, Catalogue: s.catalogue, Engine: provisioner.TofuEngine(engine),
		Cloud: provisioner.Cloud(s.c.Cloud), CloudEndpoint: s.cloudEndpoint, Watcher: watcher{&bootstrap.Watcher{Logger: s.logger}},
		Minter: minter{s.identity}, Entrance: s.entrance, Stage: stage{s}, PublicURL: s.public, DataDir: s.c.DataDir, Logger: s.logger,
	})
}

// models are who thinks, with the guide last.
func (s *service) models() ([]conversation.Model, error) {
	g, err := guide.New()
	if err != nil {
		return nil, err
	}
	name, ok := strings.CutPrefix(s.c.Model, "openai:")
	if !ok {
		if s.c.Model != "guide" {
			return nil, fault.New(fault.Invalid, "--model is %q; it is guide or openai:NAME", s.c.Model)
		}
		return []conversation.Model{g}, nil
	}
	key, err := keyFrom(s.c.OpenAIKeyFile, "openai-key-file", "OPENAI_API_KEY")
	if err != nil {
		return nil, err
	}
	if key == "" {
		s.logger.Warn("there is no key for the model, so the guide answers", slog.String("model", s.c.Model))
		return []conversation.Model{g}, nil
	}
	m, err := remoteModel(name, s.c.OpenAIBaseURL, key)
	if err != nil {
		return nil, err
	}
	return []conversation.Model{m, g}, nil
}

// keyFrom reads a key from the file that an option names, or from the environment.
func keyFrom(file, option, env string) (string, error) {
	if file == "" {
		return os.Getenv(env), nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "--%s cannot be read", option)
	}
	return strings.TrimSpace(string(raw)), nil
}

// previewDomain is where previews are: browsers know that whatever is below localhost
// is on loopback (RFC 6761, section 6.3).
func previewDomain(wanted, public string) string {
	u, err := url.Parse(public)
	if wanted != "" || err != nil {
		return strings.ToLower(wanted)
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "localhost"
	}
	return ""
}

func (s *service) server() (*web.Server, error) {
	hosts := slices.Concat(list(s.c.AllowedHosts), list(s.c.ACMEHosts))
	if s.lan != nil {
		hosts = append(hosts, s.lan.host)
	}
	relay, err := s.relay()
	if err != nil {
		return nil, err
	}
	o := web.Options{
		Relay: relay,
		Mode:  web.Concierge, Conversations: s.conversations, Provisioner: s.provisioner, Catalogue: s.catalogue,
		Journal: s.journal, Identity: s.identity, App: app.FS(), Sovereign: s.sovereign, PublicURL: s.public,
		AllowedHosts: hosts, TrustedProxies: list(s.c.TrustedProxies), Owner: s.owner(), Cloud: provisioner.Cloud(s.c.Cloud), Version: buildVersion(),
		Logger: s.logger, Local: s.local(), Forget: s.forget, Audit: s.audit, Shell: s.shell, Push: s.push, Calls: s.calls, NoCalls: s.noCalls,
		Recordings: s.recordings, Outbox: s.outbox, Guests: s.c.Guests, PreviewDomain: previewDomain(s.c.PreviewDomain, s.public),
		Ready: func(ctx context.Context) error { _, err := s.journal.Head(ctx); return err },
	}
	if s.sovereign != nil {
		o.Mode = web.SovereignConsole
		if s.releases != nil {
			o.Release = s.releases.get
		}
	} else {
		s.endpoint = s.toolbox.Handler(mcp.HTTPOptions{Challenge: web.MCPChallenge(s.public), Authenticate: func(r *http.Request) (mcp.Caller, error) {
			claims, err := s.identity.FromResource(r)
			if err != nil {
				return mcp.Caller{}, err
			}
			if err := identity.May(claims, identity.UseConcierge); err != nil {
				return mcp.Caller{}, err
			}
			return mcp.Caller{Actor: claims.Actor("mcp"), Grants: claims.Capabilities}, nil
		}})
		o.MCP, o.Tools = s.endpoint, s.toolbox.Needs()
	}
	return web.New(o)
}

// forget destroys what is kept of a person, the key to the rest of it last.
func (s *service) forget(ctx context.Context, person journal.Actor) error {
	if s.provisioner != nil {
		list, err := s.conversations.Of(ctx, person)
		if err != nil {
			return err
		}
		var drafts []string
		for _, c := range list {
			drafts = append(drafts, c.ID)
		}
		if err := s.provisioner.Forget(ctx, person, drafts); err != nil {
			return err
		}
		deployments, err := s.provisioner.DeploymentsOf(ctx, person)
		if err != nil {
			return err
		}
		for _, d := range deployments { // OpenTofu's state, variables and streams
			if err := os.RemoveAll(filepath.Join(s.c.DataDir, "deployments", d.ID)); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the folder of a deployment cannot be removed")
			}
		}
	}
	if s.recordings != nil {
		if err := s.recordings.Forget(ctx, person.Subject); err != nil {
			return err
		}
	}
	if err := s.shell.Forget(ctx, person); err != nil {
		return err
	}
	if err := s.push.Forget(ctx, person.Subject); err != nil {
		return err
	}
	if err := s.vault.ForgetPerson(ctx, person.Subject); err != nil {
		return err
	}
	if s.provisioner != nil {
		s.provisioner.Forgotten(person.Subject)
		s.conversations.Forget(person.Subject)
	}
	return nil
}

// start runs what works in the background until ctx ends.
func (s *service) start(ctx context.Context) *sync.WaitGroup {
	var g sync.WaitGroup
	run := func(what string, f func(context.Context) error) {
		g.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				s.logger.Error("a part of the service ended", slog.String("part", what), slog.String("error", err.Error()))
			}
		})
	}
	run("identity", s.identity.Run)
	run("sessions", s.shell.Run)
	if s.releases != nil {
		run("releases", s.releases.run)
	}
	if s.recordings != nil {
		run("recordings", s.recordings.Run)
	}
	if s.provisioner != nil {
		run("cloud", s.wakeCloud)
		run("provisioner", s.provisioner.Run)
		run("conversations", s.conversations.Run)
	}
	return &g
}

// close ends the parts, the last one first.
func (s *service) close() {
	if s.calls != nil {
		_ = s.calls.Close()
	}
	if s.conversations != nil {
		_ = s.conversations.Close()
	}
	if s.endpoint != nil {
		_ = s.endpoint.Close()
	}
	if s.agent != nil {
		_ = s.agent.Close()
	}
	if s.provisioner != nil {
		_ = s.provisioner.Close()
	}
	if s.shell != nil {
		_ = s.shell.Close()
	}
	if s.push != nil {
		s.push.Close()
	}
	if s.journal != nil {
		_ = s.journal.Close()
	}
}

// cloudEndpoint finds or starts the simulated cloud.
func (s *service) cloudEndpoint(ctx context.Context) (provisioner.Endpoint, error) {
	cloud, err := ensureCloud(ctx, s.c)
	if err != nil {
		return provisioner.Endpoint{}, err
	}
	return provisioner.Endpoint{URL: cloud.URL, Token: cloud.Token}, nil
}

// wakeCloud starts the simulated cloud again, which may have been stopped, or come
// out of a backup, while something is being built on it.
func (s *service) wakeCloud(ctx context.Context) error {
	if provisioner.Cloud(s.c.Cloud) != provisioner.Simulated {
		return nil
	}
	if _, err := os.Stat(filepath.Join(s.c.DataDir, "cloud")); err != nil || !s.inFlight(ctx) {
		return nil
	}
	_, err := ensureCloud(ctx, s.c)
	return err
}

// entrance is where the console of a deployment's Sovereign answers.
func (s *service) entrance(ctx context.Context, d provisioner.Deployment) (string, error) {
	if d.Cloud != provisioner.Simulated {
		return "https://console." + d.Spec.SovereignFQDN, nil
	}
	cloud, err := ensureCloud(ctx, s.c)
	if err != nil {
		return "", err
	}
	raw, err := cloud.Sovereigns(ctx)
	if err != nil {
		return "", err
	}
	var answer []struct {
		DeploymentID string `json:"deploymentId"`
		ConsoleURL   string `json:"consoleURL"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "the simulated cloud's answer cannot be read")
	}
	for _, a := range answer {
		if a.DeploymentID == d.ID && a.ConsoleURL != "" {
			return a.ConsoleURL, nil
		}
	}
	return "", fault.New(fault.Unavailable, "the console of %s does not answer yet", d.Spec.SovereignFQDN).Do("Try again in a moment.")
}

// begin makes the conversation of an outside MCP client: one per session, and a
// new one where no session is named.
func (s *service) begin(ctx context.Context, actor journal.Actor, session string) (string, error) {
	o := conversation.CreateOptions{Channel: "mcp", Language: "en"}
	if session != "" {
		sum := sha256.Sum256([]byte("mcp\x00" + actor.Subject + "\x00" + session))
		o.ID = "mcp" + hex.EncodeToString(sum[:9])
	}
	actor.Kind = journal.Human // the conversation belongs to the person behind the client
	conv, err := s.conversations.Create(ctx, actor, o)
	return conv.ID, err
}

// own is nil for a conversation of the actor's.
func (s *service) own(ctx context.Context, actor journal.Actor, conversationID string) error {
	_, err := s.conversations.Get(ctx, actor, conversationID)
	return err
}

// serveStdioClient is one client of the owner's on standard input and output.
func (s *service) serveStdioClient(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != mcpUpgrade {
		http.Error(w, "this address upgrades to "+mcpUpgrade, http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.logger.Error("a connection cannot be upgraded", slog.String("error", err.Error()))
		return
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + mcpUpgrade + "\r\n\r\n")); err != nil {
		return
	}
	owner := s.owner()
	owner.Via = "mcp"
	// What was read ahead, and then the connection itself: at the end of its input the
	// server's own reader cancels the request, and what is still being answered with it.
	in := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(buffered, int64(buffered.Reader.Buffered())), conn), conn}
	ctx := mcp.WithWitness(r.Context(), web.ToolWitness(s.audit, owner, s.toolbox.Needs()))
	if err := s.toolbox.ServeStream(ctx, mcp.Caller{Actor: owner, Grants: mcp.Everything}, in, conn); err != nil {
		s.logger.Info("a client left", slog.String("reason", err.Error()))
	}
}

// toolboxOf gives the agent's tools in one conversation.
func (s *service) toolboxOf(_ context.Context, conversationID string, owner journal.Actor) (conversation.Toolbox, error) {
	return agentTools{s.agent, mcp.Caller{Actor: owner, ConversationID: conversationID, Grants: mcp.Everything}}, nil
}
