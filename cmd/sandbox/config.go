package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// config is everything that can be configured. A value comes from its flag, else
// its environment variable, else the configuration file, else its default.
type config struct {
	DataDir, ConfigFile            string
	Listen, PublicURL              string
	PreviewDomain                  string
	AllowedHosts, TrustedProxies   string
	TLSCert, TLSKey                string
	ACMEHosts, ACMEEmail           string
	ACMEDirectory, ACMERoots       string
	LAN                            bool
	LANPort                        string
	Cloud                          string
	Speed                          float64
	Model                          string
	OpenAIBaseURL, OpenAIKeyFile   string
	AnthropicBaseURL               string
	AnthropicKeyFile               string
	AnthropicModel, AgentModel     string
	Egress, GitHosts, ModelHosts   string
	MCPServers                     string
	SkillsDir, NATSURL             string
	MasterKeyFile                  string
	Tofu, ProviderMirror, Holder   string
	LogLevel, LogFormat            string
	IdleExit                       time.Duration
	Isolation                      string
	PushInside                     string
	SessionMemory, SessionTasks    float64
	SovereignFQDN, SovereignFile   string
	SovereignKubeconfig            string
	HandoverKeyFile, HandoverIssue string
	JSON                           bool
	Approve                        string
	Conversation                   string
	Reconnect                      time.Duration
	CallListen, CallPublicIPs      string
	CallTURN, CallTURNSecretFile   string
	Calls                          float64
	Ear                            string
	SpeechToText, TextToSpeech     string
	SpeechBaseURL, SpeechKeyFile   string
	RecordingsKeep                 time.Duration
	SessionRecordings              time.Duration
	RecordingsTime                 time.Duration
	RecordingsSize                 float64
	FailActions, StallActions      string
	FailReleases, StallReleases    string
	OutOfStock                     string
	TimeOut                        time.Duration
	Forgotten                      string
	MaxSize                        float64
	TokenTTL, MaxTokenTTL          time.Duration
	Audience, Capabilities         string
	SMTP, SMTPPasswordFile         string
	MailFrom, OIDCFile             string
	SignUp, Guests                 bool
	SignUpPlan                     string
}

// option is one row of the one table of options. It generates the flags, the
// environment variables, --help and the README's configuration table.
type option struct {
	name, def, help string
	// commands that take it; "*" is all.
	commands string
	bind     func(*config) any // *string, *float64, *bool or *time.Duration
}

// env is the option's environment variable.
func (o option) env() string {
	return "SANDBOX_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

func (o option) on(command string) bool {
	if o.commands == "*" {
		return true
	}
	for _, c := range strings.Fields(o.commands) {
		if c == command {
			return true
		}
	}
	return false
}

// defaultListen is where the web server answers when nobody says otherwise.
const defaultListen = "127.0.0.1:8080"

// defaultCallListen is where calls answer when nobody says otherwise.
const defaultCallListen = "127.0.0.1:0"

// serving are the commands that run or may start the service.
const serving = "serve chat plan apply mcp keys token backup"

func options() []option {
	return []option{
		{"data-dir", defaultDataDir(), "directory that holds everything the service keeps", "*", func(c *config) any { return &c.DataDir }},
		{"config", "", "YAML or JSON file with any of these options, by name", "*", func(c *config) any { return &c.ConfigFile }},
		{"cloud", "simulated", "simulated or hetzner: what is behind the provider", serving, func(c *config) any { return &c.Cloud }},
		{"speed", "1", "how many times faster the simulated cloud's time runs", serving + " simulate", func(c *config) any { return &c.Speed }},
		{"listen", defaultListen, "address of the web server", serving + " simulate", func(c *config) any { return &c.Listen }},
		{"public-url", "", "address that people and new clusters reach the service at, with its base path if it has one; empty: from --listen", serving, func(c *config) any { return &c.PublicURL }},
		{"allowed-hosts", "", "further host names that requests may be for, separated by commas", serving, func(c *config) any { return &c.AllowedHosts }},
		{"preview-domain", "", "domain below which every name leads to the service, for previews of what developer sessions serve; best one that has nothing else on it; empty: localhost for a service on loopback, else none", "serve", func(c *config) any { return &c.PreviewDomain }},
		{"trusted-proxies", "", "addresses and networks of the proxies before the service, separated by commas; what they say of a caller's address and of a request's id is believed", serving, func(c *config) any { return &c.TrustedProxies }},
		{"tls-cert", "", "PEM file with a TLS certificate and its chain, read again when it changes; the web server then answers by https", "serve", func(c *config) any { return &c.TLSCert }},
		{"tls-key", "", "PEM file with the key of --tls-cert", "serve", func(c *config) any { return &c.TLSKey }},
		{"acme-hosts", "", "host names to ask an ACME authority for certificates of, separated by commas; it must reach --listen as port 443", "serve", func(c *config) any { return &c.ACMEHosts }},
		{"acme-email", "", "address that the ACME authority may write to", "serve", func(c *config) any { return &c.ACMEEmail }},
		{"acme-directory", "", "the ACME authority; empty: Let's Encrypt", "serve", func(c *config) any { return &c.ACMEDirectory }},
		{"acme-roots", "", "PEM file with the roots that the ACME authority's own address is trusted by; empty: the system's", "serve", func(c *config) any { return &c.ACMERoots }},
		{"lan", "false", "answer by https in the local network too, with a certificate of its own, for a phone", "serve", func(c *config) any { return &c.LAN }},
		{"lan-port", "8443", "port of --lan", "serve", func(c *config) any { return &c.LANPort }},
		{"model", "guide", "who thinks: guide (built in, no network) or openai:NAME", serving, func(c *config) any { return &c.Model }},
		{"openai-base-url", "", "OpenAI-compatible endpoint, ending in /v1", serving, func(c *config) any { return &c.OpenAIBaseURL }},
		{"openai-key-file", "", "file with the endpoint's key; else OPENAI_API_KEY", serving, func(c *config) any { return &c.OpenAIKeyFile }},
		{"anthropic-base-url", "", "address of Anthropic's API or of one like it, for Claude Code; empty: Anthropic's own", serving, func(c *config) any { return &c.AnthropicBaseURL }},
		{"anthropic-key-file", "", "file with the key of Anthropic's API, for Claude Code; else ANTHROPIC_API_KEY", serving, func(c *config) any { return &c.AnthropicKeyFile }},
		{"anthropic-model", "", "model that Claude Code thinks with; empty: its own choice", serving, func(c *config) any { return &c.AnthropicModel }},
		{"agent-model", "", "model at --openai-base-url that the other coding agents think with", serving, func(c *config) any { return &c.AgentModel }},
		{"model-hosts", "api.anthropic.com:443,api.openai.com:443,openrouter.ai:443,dashscope-intl.aliyuncs.com:443", "hosts with ports that people's and Organizations' own model keys may be for; empty: they have none", serving, func(c *config) any { return &c.ModelHosts }},
		{"mcp-servers", "", "file of MCP servers that every coding agent knows, as {\"mcpServers\": {name: {url, headers} or {command, args, env}}}; ${NAME} stands for a variable", serving, func(c *config) any { return &c.MCPServers }},
		{"egress", "", "hosts with ports that sessions behind bubblewrap may connect to, e.g. github.com:443,*.npmjs.org:443; empty: none", serving, func(c *config) any { return &c.Egress }},
		{"git-hosts", "github.com:443,gitlab.com:443,bitbucket.org:443,codeberg.org:443", "hosts with ports whose Git repositories sessions may work in, each session in one of them; empty: none", serving, func(c *config) any { return &c.GitHosts }},
		{"skills-dir", "", "folder of industry packs that add to or replace the built-in ones", serving, func(c *config) any { return &c.SkillsDir }},
		{"nats-url", "", "join an existing NATS cluster instead of the embedded server", serving, func(c *config) any { return &c.NATSURL }},
		{"master-key-file", "", "master key outside the data directory; else SANDBOX_MASTER_KEY or a file in it", serving + " restore", func(c *config) any { return &c.MasterKeyFile }},
		{"tofu", "", "OpenTofu binary; else TOFU, the build cache, the PATH", serving + " doctor", func(c *config) any { return &c.Tofu }},
		{"provider-mirror", "", "unpacked provider mirror; else the build cache", serving + " doctor", func(c *config) any { return &c.ProviderMirror }},
		{"holder", "", "sandbox-holder binary; else beside this one", serving + " doctor", func(c *config) any { return &c.Holder }},
		{"session-recordings-keep", "720h", "how long the recording of a developer session is kept after its end; 0: sessions are not recorded", serving, func(c *config) any { return &c.SessionRecordings }},
		{"session-memory", "4", "most memory of a developer session, in GiB; without control groups of its own: of each of its processes; 0: no limit", serving, func(c *config) any { return &c.SessionMemory }},
		{"session-processes", "2000", "most processes and threads of a developer session; 0: no limit", serving, func(c *config) any { return &c.SessionTasks }},
		{"push-inside", "", "addresses with ports of push services on this machine or its network, separated by commas; others are reached by https on the internet only", "serve", func(c *config) any { return &c.PushInside }},
		{"isolation", "bwrap", "wall around developer sessions: bwrap, pod (the pod is the wall) or none (no wall, for the local owner only)", serving, func(c *config) any { return &c.Isolation }},
		{"idle-exit", "0s", "end after this long without a client or a running deployment; 0: never", serving + " simulate", func(c *config) any { return &c.IdleExit }},
		{"log-level", "info", "debug, info, warn or error", "*", func(c *config) any { return &c.LogLevel }},
		{"log-format", "json", "json or text", "*", func(c *config) any { return &c.LogFormat }},
		{"call-listen", defaultCallListen, "address of the one UDP and TCP port of all calls; port 0: a free one", serving, func(c *config) any { return &c.CallListen }},
		{"call-public-ips", "", "addresses that callers reach this machine at, if they are not its own, separated by commas", serving, func(c *config) any { return &c.CallPublicIPs }},
		{"call-turn", "", "TURN and STUN servers for callers whose network lets nothing else through, e.g. turns:turn.example.com:443?transport=tcp, separated by commas", serving, func(c *config) any { return &c.CallTURN }},
		{"call-turn-secret-file", "", "file with the secret that the TURN servers share with this service (TURN REST, as coturn's use-auth-secret)", serving, func(c *config) any { return &c.CallTURNSecretFile }},
		{"calls", "4", "how many calls there may be at once", serving, func(c *config) any { return &c.Calls }},
		{"speech-to-text", "pocketsphinx", "who hears in calls: pocketsphinx (embedded, English) or openai:MODEL", serving, func(c *config) any { return &c.SpeechToText }},
		{"text-to-speech", "espeak-ng", "who speaks in calls: espeak-ng (embedded) or openai:MODEL, or openai:MODEL:VOICE", serving, func(c *config) any { return &c.TextToSpeech }},
		{"speech-base-url", "", "OpenAI-compatible speech service, ending in /v1; else --openai-base-url", serving, func(c *config) any { return &c.SpeechBaseURL }},
		{"speech-key-file", "", "file with the speech service's key; else SPEECH_API_KEY, else, without --speech-base-url, the models' key", serving, func(c *config) any { return &c.SpeechKeyFile }},
		{"recordings-keep", "720h", "after how long a recording of a call is deleted; 0: calls cannot be recorded", serving, func(c *config) any { return &c.RecordingsKeep }},
		{"recordings-time", "1h", "how long one recording of a call can be", serving, func(c *config) any { return &c.RecordingsTime }},
		{"recordings-size", "2", "most GiB that all recordings may take; an hour is a quarter of one", serving, func(c *config) any { return &c.RecordingsSize }},
		{"ear", "", "sandbox-ear binary, the embedded speech recognition; else beside this one", serving + " doctor", func(c *config) any { return &c.Ear }},
		{"sovereign-fqdn", "", "run as the console of this Sovereign instead of as the concierge", "serve", func(c *config) any { return &c.SovereignFQDN }},
		{"sovereign-file", "", "JSON file that describes the Sovereign to its console", "serve", func(c *config) any { return &c.SovereignFile }},
		{"sovereign-kubeconfig", "", "kubeconfig of the Sovereign's own cluster, for its console; empty: the console knows no releases", "serve", func(c *config) any { return &c.SovereignKubeconfig }},
		{"handover-key", "", "public key (JWK) of the service that hands this Sovereign over", "serve", func(c *config) any { return &c.HandoverKeyFile }},
		{"handover-issuer", "", "issuer that handover tokens must name; empty: any that the key signed", "serve", func(c *config) any { return &c.HandoverIssue }},
		{"json", "false", "machine-readable: JSON Lines in and out", "chat plan apply keys token doctor version", func(c *config) any { return &c.JSON }},
		{"smtp", "", "mail server as smtp://user@host:587 (STARTTLS) or smtps://user@host:465; empty: mails are kept in the outbox", serving, func(c *config) any { return &c.SMTP }},
		{"smtp-password-file", "", "file with the password of --smtp; else SMTP_PASSWORD", serving, func(c *config) any { return &c.SMTPPasswordFile }},
		{"mail-from", "", "sender of mails, such as OpenOva Sandbox <sandbox@example.org>", serving, func(c *config) any { return &c.MailFrom }},
		{"oidc-file", "", "YAML or JSON file with the OpenID providers that people can sign in with", serving, func(c *config) any { return &c.OIDCFile }},
		{"sign-up", "true", "let people sign in by e-mail whom nobody has invited; never on a Sovereign's console", serving, func(c *config) any { return &c.SignUp }},
		{"sign-up-plan", "free", "plan of an Organization that somebody founds: free, pro or ent", serving, func(c *config) any { return &c.SignUpPlan }},
		{"guests", "true", "let people talk to the concierge before they sign in", serving, func(c *config) any { return &c.Guests }},
		{"token-max-ttl", "2160h", "longest life of an access token; at most 2160h, which is 90 days", serving, func(c *config) any { return &c.MaxTokenTTL }},
		{"ttl", "0s", "how long the new access token lives; 0: 168h, which is 7 days", "token", func(c *config) any { return &c.TokenTTL }},
		{"audience", "", "address of the one service that takes the new access token; empty: this service", "token", func(c *config) any { return &c.Audience }},
		{"capabilities", "", "what the new access token may do, e.g. catalyst.draft.*, separated by commas; empty: use the concierge's toolbox", "token", func(c *config) any { return &c.Capabilities }},
		{"forgotten", "", "data directory that is newer than the backup: whoever was forgotten there since stays forgotten", "restore", func(c *config) any { return &c.Forgotten }},
		{"max-size", "64", "most GiB that the files of a backup may have", "backup restore", func(c *config) any { return &c.MaxSize }},
		{"conversation", "", "go on with this conversation", "chat", func(c *config) any { return &c.Conversation }},
		{"reconnect", "2m", "how long a service that went away is looked for, or started again", "chat", func(c *config) any { return &c.Reconnect }},
		{"approve", "", "approve exactly the plan with this digest, without asking", "apply", func(c *config) any { return &c.Approve }},
		{"timeout", "1h", "give up waiting after this long; the deployment goes on", "apply", func(c *config) any { return &c.TimeOut }},
		{"fail-actions", "", "provider actions that fail, e.g. create_server, separated by commas", serving + " simulate", func(c *config) any { return &c.FailActions }},
		{"stall-actions", "", "provider actions that never end", serving + " simulate", func(c *config) any { return &c.StallActions }},
		{"fail-releases", "", "releases that fail, e.g. bp-harbor", serving + " simulate", func(c *config) any { return &c.FailReleases }},
		{"stall-releases", "", "releases that never become ready", serving + " simulate", func(c *config) any { return &c.StallReleases }},
		{"out-of-stock", "", "server types that are sold out, e.g. cpx32@hel1", serving + " simulate", func(c *config) any { return &c.OutOfStock }},
	}
}

func defaultDataDir() string {
	if d := os.Getenv("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "openova-sandbox")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "data"
	}
	return filepath.Join(home, ".local", "share", "openova-sandbox")
}

// errUsage ends the program with status 2; what was wrong has been printed.
var errUsage = errors.New("bad usage")

// parse reads a command's options from its arguments, the environment and the
// configuration file, and gives the arguments that are left.
func parse(command string, args []string, stderr io.Writer) (*config, []string, error) {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { printUsage(stderr, command) }
	c := &config{}
	taken := map[string]option{}
	for _, o := range options() {
		if err := set(o, c, o.def); err != nil {
			return nil, nil, fmt.Errorf("default of --%s: %w", o.name, err)
		}
		if !o.on(command) {
			continue
		}
		taken[o.name] = o
		value := func(s string) error { return set(o, c, s) }
		if _, ok := o.bind(c).(*bool); ok {
			fs.BoolFunc(o.name, o.help, value)
		} else {
			fs.Func(o.name, o.help, value)
		}
	}
	// Flags win, so they are applied last; the configuration file's name has to be
	// known before, hence two passes over the same arguments.
	positional, err := parseInterspersed(fs, args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, nil, err
		}
		return nil, nil, errUsage
	}
	path := c.ConfigFile
	if path == "" {
		path = os.Getenv("SANDBOX_CONFIG")
	}
	if path != "" {
		if err := applyFile(path, taken, c); err != nil {
			fmt.Fprintf(stderr, "sandbox: %v\n", err)
			return nil, nil, errUsage
		}
	}
	for _, o := range taken {
		if v, ok := os.LookupEnv(o.env()); ok && v != "" {
			if err := set(o, c, v); err != nil {
				fmt.Fprintf(stderr, "sandbox: %s: %v\n", o.env(), err)
				return nil, nil, errUsage
			}
		}
	}
	if _, err := parseInterspersed(fs, args); err != nil {
		return nil, nil, errUsage
	}
	if c.Cloud != "simulated" && c.Cloud != "hetzner" {
		fmt.Fprintf(stderr, "sandbox: --cloud is %q; it is simulated or hetzner\n", c.Cloud)
		return nil, nil, errUsage
	}
	if c.Speed <= 0 || c.Speed > 10000 {
		fmt.Fprintf(stderr, "sandbox: --speed is %v; it is more than 0 and at most 10000\n", c.Speed)
		return nil, nil, errUsage
	}
	if c.MaxSize <= 0 || c.MaxSize > 1<<20 {
		fmt.Fprintf(stderr, "sandbox: --max-size is %v; it is more than 0 and at most 1048576\n", c.MaxSize)
		return nil, nil, errUsage
	}
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return nil, nil, err
	}
	return c, positional, nil
}

// parseInterspersed lets flags stand before and after the other arguments, as
// people write them.
func parseInterspersed(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

func set(o option, c *config, s string) error {
	switch p := o.bind(c).(type) {
	case *string:
		*p = s
	case *float64:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		*p = v
	case *bool:
		v, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*p = v
	case *time.Duration:
		v, err := time.ParseDuration(s)
		if err != nil || v < 0 {
			return fmt.Errorf("%q is not a duration such as 90s or 10m", s)
		}
		*p = v
	}
	return nil
}

func applyFile(path string, taken map[string]option, c *config) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(raw, &values); err != nil {
		return fmt.Errorf("the configuration file %s is not YAML: %w", path, err)
	}
	known := map[string]bool{}
	for _, o := range options() {
		known[o.name] = true
	}
	for name, v := range values {
		o, ok := taken[name]
		if !ok {
			if known[name] {
				continue // an option of another command
			}
			return fmt.Errorf("the configuration file %s has an unknown option %q", path, name)
		}
		if err := set(o, c, fmt.Sprint(v)); err != nil {
			return fmt.Errorf("the configuration file %s: %s: %w", path, name, err)
		}
	}
	return nil
}

// list splits a comma-separated option.
func list(s string) []string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// printUsage writes a command's help from the table.
func printUsage(w io.Writer, command string) {
	for _, cmd := range commands() {
		if cmd.name == command {
			fmt.Fprintf(w, "Usage: sandbox %s\n\n%s\n\nOptions (flag, or environment, or configuration file):\n", cmd.usage, cmd.help)
		}
	}
	for _, o := range options() {
		if o.on(command) {
			fmt.Fprintf(w, "  --%-17s %s\n%s%s", o.name, o.help, strings.Repeat(" ", 22), o.env())
			if o.def != "" {
				fmt.Fprintf(w, ", default %s", shorten(o.def))
			}
			fmt.Fprintln(w)
		}
	}
}

// configurationTable is the README's table, as Markdown.
func configurationTable() string {
	var b strings.Builder
	b.WriteString("| flag | environment | default | what it is |\n|---|---|---|---|\n")
	opts := options()
	sort.Slice(opts, func(i, j int) bool { return opts[i].name < opts[j].name })
	for _, o := range opts {
		def := shorten(o.def)
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", o.name, o.env(), def, o.help)
	}
	return b.String()
}

// shorten writes the home directory as ~, so that help reads the same everywhere.
func shorten(s string) string {
	if home, err := os.UserHomeDir(); err == nil && home != "/" && strings.HasPrefix(s, home) {
		return "~" + strings.TrimPrefix(s, home)
	}
	return s
}
