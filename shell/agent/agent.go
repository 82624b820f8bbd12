package agent

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

// Agent is one entry of the catalogue.
type Agent struct {
	// Name is its stable name, e.g. "bash".
	Name string
	// Title is what people call it.
	Title string
	// Program is looked up in the PATH when it is not installed in a folder of its
	// own.
	Program string
	// Installed is its command within the folder that it is installed in, each
	// element a path in it; nil for what only comes with the system.
	Installed []string
	// Get says how to get it.
	Get string
	// API is what it needs of a model; empty for what does not think.
	API API
	// Modes are the permission modes that it has, the narrowest first; none for a
	// shell, which asks nobody.
	Modes []Mode
	// Shows is true for one that takes what is typed only while it shows the cursor.
	Shows bool
	// Prepare gives what a session of it needs.
	Prepare func(Place) Launch
	// Read makes a reader of its records.
	Read func() Reader
}

// API is a wire format of models.
type API string

// The wire formats.
const (
	Anthropic API = "anthropic"
	OpenAI    API = "openai"
)

// Mode is what an agent may do without asking.
type Mode string

// The modes, from the narrowest to the widest.
const (
	// Plan: it reads, and changes nothing.
	Plan Mode = "plan"
	// Ask: it asks before every change and every command.
	Ask Mode = "ask"
	// Edit: it changes files in its folder without asking.
	Edit Mode = "edit"
	// All: it asks for nothing; the wall is all that holds it.
	All Mode = "all"
)

// Wider is true when m lets an agent do more than other does.
func (m Mode) Wider(other Mode) bool { return width(m) > width(other) }

func width(m Mode) int {
	for i, x := range []Mode{Plan, Ask, Edit, All} {
		if x == m {
			return i
		}
	}
	return -1
}

// Place is what an agent's preparation may use. Paths are as the session sees
// them.
type Place struct {
	// Files is the folder where the launch's files will be, Home the home and Dir the
	// working folder.
	Files, Home, Dir string
	// Program is the agent's own command.
	Program string
	// Nonce makes marks in the output believable, and is the secret that side
	// channels are told by.
	Nonce string
	// Conversation is the agent's own name for what is said in it: a UUID.
	Conversation string
	// Resume is true when that conversation goes on.
	Resume bool
	Mode   Mode
	// Port is one that is free in the session, for an agent that serves.
	Port int
	// Model is the model's name; empty leaves it to the agent. Key is what the
	// session shows to its model.
	Model, Key string
	// Tools are the MCP servers that it is to know.
	Tools []Tools
}

// Tools is an MCP server, as the session reaches it: at an address, or as a command.
type Tools struct {
	Name string
	// URL takes Secret as a bearer.
	URL, Secret string
	Command     []string
	Env         map[string]string
}

// mcpServers are the servers in the form that most agents read.
func mcpServers(tools []Tools, urlKey string) string {
	servers := map[string]any{}
	for _, t := range tools {
		if t.URL == "" {
			servers[t.Name] = map[string]any{"command": t.Command[0], "args": t.Command[1:], "env": t.Env}
			continue
		}
		servers[t.Name] = map[string]any{"type": "http", urlKey: t.URL, "headers": map[string]string{"Authorization": "Bearer " + t.Secret}}
	}
	out, _ := json.Marshal(map[string]any{"mcpServers": servers})
	return string(out)
}

// commandScript starts a server that is a command, for an agent that would have to be
// given its environment in arguments.
func commandScript(t Tools) string {
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		out.WriteString("export " + name + "=" + quoted(t.Env[name]) + "\n")
	}
	out.WriteString("exec")
	for _, word := range t.Command {
		out.WriteString(" " + quoted(word))
	}
	return out.String() + "\n"
}

// Launch is how a session starts.
type Launch struct {
	// Args follow the program; or, for an agent that has to be started by something else,
	// Before, which names the program itself.
	Args, Before []string
	Env          []string
	// Files are written before the start, by name; nobody else can read them. In
	// them, as in Args and Env, [hold.PortOf] stands for the port of a crossing.
	Files map[string]string
	// Seeds are files of the home, by path, which are written if there is none.
	Seeds map[string]string
	// Sources are its side channels. Root is "home" or "files".
	Sources []hold.Source
	// Serve are ports that the agent listens on, by the name of their source.
	Serve map[string]int
}

// Update is a card as it is now.
type Update struct {
	Card card.Card
	// Draft is true for one that changes all the time: it is shown, and not kept.
	Draft bool
}

// State is what an agent is doing, as far as its records tell.
type State string

// The states.
const (
	Unknown State = ""
	Working State = "working"
	// Waiting: it waits for a person's answer.
	Waiting State = "waiting"
	Idle    State = "idle"
)

// Reader turns the records of one session into cards, in their order. The same
// records give the same cards, so that a service that starts again reads them
// from the beginning and goes on where it was. It is for one goroutine.
type Reader interface {
	// Read takes the next record and gives what it changes.
	Read(hold.Record) []Update
	State() State
	// Hears is false while what the agent does would not be told, as its side channel
	// is not there yet: no prompt is given to it before.
	Hears() bool
	// Answer gives the reply that lets or does not let the agent do what the
	// permission card asks. A card that is not open is a [fault.Conflict] fault.
	Answer(cardID string, allow bool, message string) (hold.ReplyData, error)
	// Prompt gives what hands a prompt to the agent by its side channel; ok is false
	// for one that has to be typed to.
	Prompt(id, text string) (reply hold.ReplyData, ok bool)
	// Release gives replies that end what the agent has left open although it was
	// answered in the terminal.
	Release() []hold.ReplyData
}

// Info is an entry as people choose it.
type Info struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Available is false when the program is not on this machine, or lacks what it
	// needs; Get says what to do then.
	Available bool   `json:"available"`
	Get       string `json:"get,omitempty"`
	Version   string `json:"version,omitempty"`
	Modes     []Mode `json:"modes,omitempty"`
	// Needs is what it lacks a model of; empty when it lacks none.
	Needs API `json:"needs,omitempty"`
}

// Catalogue lists every agent, in the order in which they are offered.
func Catalogue() []Agent {
	return []Agent{claudeCode(), qwenCode(), openCode(), codex(), bash(), zsh()}
}

// Find gives the agent of a name. An unknown one is a [fault.Invalid] fault.
func Find(name string) (Agent, error) {
	names := ""
	for _, a := range Catalogue() {
		if a.Name == name {
			return a, nil
		}
		names += " " + a.Name
	}
	return Agent{}, fault.New(fault.Invalid, "there is no agent %q", name).At("agent").Do("Choose one of:%s.", names)
}

// Takes gives the mode that a session of the agent has: the wanted one, or to ask.
// One that it does not have is a [fault.Invalid] fault.
func (a Agent) Takes(want Mode) (Mode, error) {
	if want == "" {
		if len(a.Modes) == 0 {
			return "", nil
		}
		want = Ask
	}
	for _, m := range a.Modes {
		if m == want {
			return m, nil
		}
	}
	return "", fault.New(fault.Invalid, "%s has no permission mode %q", a.Title, want).At("mode").Do("Choose one of %v, or leave it out.", a.Modes)
}

// Found is where an agent is.
type Found struct {
	// Root is the folder that it is installed in; empty when it is of the system.
	Root string
	// Argv is its command: within Root, relative to that, else absolute.
	Argv []string
}

// Locate finds an agent: in the folder that installed names for it, or in the
// PATH. It is a [fault.Invalid] fault when there is none.
func (a Agent) Locate(installed func(name string) (root string, ok bool)) (Found, error) {
	if a.Installed != nil && installed != nil {
		if root, ok := installed(a.Name); ok {
			complete := true
			for _, p := range a.Installed {
				_, err := os.Stat(filepath.Join(root, p))
				complete = complete && err == nil
			}
			if complete {
				return Found{root, a.Installed}, nil
			}
		}
	}
	path, err := exec.LookPath(a.Program)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return Found{}, fault.New(fault.Invalid, "%s is not installed on this machine", a.Title).At("agent").Do("%s", a.Get)
	}
	return Found{Argv: []string{path}}, nil
}

// platform is the part of npm's package names that says for which machine one is.
func platform() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return runtime.GOOS + "-" + arch
}

// triple is how Rust names this machine.
func triple() string {
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	if runtime.GOOS == "darwin" {
		return arch + "-apple-darwin"
	}
	return arch + "-unknown-linux-musl"
}
