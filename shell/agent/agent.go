package agent

import (
	"os/exec"

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
	// Program is looked up in the PATH.
	Program string
	// Prepare gives what a session of it needs.
	Prepare func(Place) Launch
	// Cards says what records mean.
	Cards func([]hold.Record) []card.Card
}

// Place is what an agent's preparation may use.
type Place struct {
	// Files is the folder where the launch's files will be, as the session sees it.
	Files string
	// Nonce makes marks in the output believable.
	Nonce string
}

// Launch is how a session starts.
type Launch struct {
	// Args follow the program.
	Args []string
	Env  []string
	// Files are written before the start, by name; nobody else can read them.
	Files map[string]string
}

// Info is an entry as people choose it.
type Info struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Available is false when the program is not on this machine.
	Available bool `json:"available"`
}

// Catalogue lists every agent, in the order in which they are offered.
func Catalogue() []Agent { return []Agent{bash(), zsh()} }

// List is the catalogue with what is there on this machine.
func List() []Info {
	out := []Info{}
	for _, a := range Catalogue() {
		_, err := exec.LookPath(a.Program)
		out = append(out, Info{a.Name, a.Title, err == nil})
	}
	return out
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
