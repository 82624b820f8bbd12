package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strconv"

	"github.com/openova-io/sandbox/shell/hold"
)

// codex is OpenAI's Codex. Its terminal interface is a client of its app server; the
// holder is another one, and both are told and asked the same.
//
// It confines what its model runs by namespaces of its own, which do not exist behind
// our wall, where nothing runs then that a person has not allowed: so it has no mode
// between asking for everything and asking for nothing.
func codex() Agent {
	return Agent{
		Name: "codex", Title: "Codex", Program: "codex", API: OpenAI,
		Installed: []string{"node_modules/@openai/codex-" + platform() + "/vendor/" + triple() + "/bin/codex"},
		Get:       "Install it: make codex, or npm install -g @openai/codex.",
		Modes:     []Mode{Ask, All},
		Shows:     true,
		Prepare:   prepareCodex,
		Read: func() Reader {
			c := &codexReader{board: newBoard(), parents: map[string]bool{}, printed: map[string]string{}}
			c.deaf = true // until it has a conversation
			return c
		},
	}
}

// codexAsks tells the model what it cannot know: that its commands fail unless they are
// asked for.
const codexAsks = "Commands cannot run in your own sandbox here, which stands inside another one. Run every command with sandbox_permissions \"require_escalated\" and a short justification; a person is asked, and it runs when they allow it."

// codexStart starts the server, and the terminal interface when it listens. Its
// arguments are the program, the port, how many arguments the server takes, these, and
// those of the interface.
const codexStart = `program=$1 port=$2 n=$3
shift 3
server=("${@:1:n}")
shift "$n"
mkdir -p ~/.codex
"$program" "${server[@]}" app-server --listen "ws://127.0.0.1:$port" --ws-auth capability-token --ws-token-sha256 "$SANDBOX_CODEX_DIGEST" >~/.codex/app-server.log 2>&1 &
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 $! 2>/dev/null || { cat ~/.codex/app-server.log; exit 1; }
  sleep 0.05
done
exec "$program" "$@"
`

func prepareCodex(p Place) Launch {
	var set codexSettings
	files := map[string]string{"codex.sh": codexStart}
	provider := "model_providers.sandbox."
	set.to("model_provider", "sandbox")
	set.to(provider+"name", "Sandbox")
	set.to(provider+"base_url", "http://127.0.0.1:"+hold.PortOf(hold.ModelCrossing))
	set.to(provider+"wire_api", "responses")
	set.to(provider+"env_key", "SANDBOX_CODEX_KEY")
	if p.Model != "" {
		set.to("model", p.Model)
	}
	set.to("check_for_update_on_startup", false)
	set.to("analytics.enabled", false)
	// What a repository brings along is not read.
	set.to(`projects.`+strconv.Quote(p.Dir)+`.trust_level`, "untrusted")
	for _, t := range p.Tools {
		server := "mcp_servers." + t.Name + "."
		if t.URL != "" {
			set.to(server+"url", t.URL)
			set.to(server+"bearer_token_env_var", "SANDBOX_CODEX_KEY")
		} else {
			set.to(server+"command", "/bin/bash")
			set.to(server+"args", []string{path.Join(p.Files, "tools-"+t.Name+".sh")})
			files["tools-"+t.Name+".sh"] = commandScript(t) // in arguments everybody would see it
		}
		if p.Mode != All {
			set.to(server+"default_tools_approval_mode", "prompt")
		}
	}
	common := slices.Clone(set)
	policy, sandbox, wall := "on-request", "read-only", `{"type":"readOnly"}`
	if p.Mode == All {
		policy, sandbox, wall = "never", "danger-full-access", `{"type":"dangerFullAccess"}`
	} else {
		set.to("developer_instructions", codexAsks)
	}
	set.to("approval_policy", policy)
	set.to("sandbox_mode", sandbox)
	args := slices.Clone(set)
	if p.Resume { // it goes on as it was, until the holder has set what is allowed now
		args = append(common, "resume", "--last")
	}
	args = append(args, "--remote", "ws://127.0.0.1:"+strconv.Itoa(p.Port), "--remote-auth-token-env", "SANDBOX_CODEX_KEY")
	digest := sha256.Sum256([]byte(p.Nonce))
	return Launch{
		Before: append([]string{"/bin/bash", path.Join(p.Files, "codex.sh"), p.Program, strconv.Itoa(p.Port), strconv.Itoa(len(set))}, set...),
		Args:   args,
		Env:    []string{"SANDBOX_CODEX_KEY=" + p.Nonce, "SANDBOX_CODEX_DIGEST=" + hex.EncodeToString(digest[:])},
		Files:  files,
		Sources: []hold.Source{{Name: "server", Kind: hold.AppServer, Secret: p.Nonce, Keep: []string{
			"thread/started", "thread/status/changed", "turn/started", "turn/completed", "turn/plan/updated", "error", "serverRequest/resolved",
			"item/started", "item/completed", "item/agentMessage/delta", "item/commandExecution/outputDelta",
		}, Settings: map[string]json.RawMessage{"approvalPolicy": json.RawMessage(strconv.Quote(policy)), "sandboxPolicy": json.RawMessage(wall)}}},
		Serve: map[string]int{"server": p.Port},
	}
}

// codexSettings are arguments that set what its configuration would.
type codexSettings []string

func (s *codexSettings) to(key string, value any) {
	raw, _ := json.Marshal(value) // strings, truth and lists are the same in TOML
	*s = append(*s, "-c", key+"="+string(raw))
}
