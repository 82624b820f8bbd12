package shell

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// ToolServer is an MCP server that agents are told of: one that is reached by
// streamable HTTP, or a command that runs in the session and speaks on its standard
// input and output.
type ToolServer struct {
	Name string `json:"-"`
	// Type is "http" or "stdio"; it may be left out.
	Type string `json:"type"`
	// URL is the server's address. Headers go with every request; sessions do not
	// see them, their holders put them in.
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	// Command, Args and Env are a program of the session's, which sees all of them.
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
}

// variable is the place of a secret in a file of servers.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// headerName is a field name (RFC 9110, section 5.1), headerValue one that is safe
// anywhere (section 5.5).
var (
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	headerValue = regexp.MustCompile(`^[\x20-\x7e\t]*$`)
)

// ReadToolServers reads the file of MCP servers that coding agents share,
// {"mcpServers": {name: {...}}}, where ${NAME} in a header or in the environment
// stands for what lookup has. Everything that is wrong is one [fault.Invalid] fault.
func ReadToolServers(raw []byte, lookup func(string) (string, bool)) ([]ToolServer, error) {
	var file struct {
		Servers map[string]json.RawMessage `json:"mcpServers"`
	}
	if err := strictly(raw, &file); err != nil {
		return nil, fault.New(fault.Invalid, "the file of MCP servers is not {\"mcpServers\": {...}}: %v", err)
	}
	var out []ToolServer
	var v []fault.Violation
	for _, name := range slices.Sorted(maps.Keys(file.Servers)) {
		at := "mcpServers." + name
		bad := func(field, rule, format string, args ...any) {
			where := at
			if field != "" {
				where += "." + field
			}
			v = append(v, fault.Violation{Path: where, Rule: rule, Message: fmt.Sprintf(format, args...)})
		}
		t := ToolServer{}
		if err := strictly(file.Servers[name], &t); err != nil {
			bad("", "form", "This is no MCP server: %v.", err)
			continue
		}
		t.Name = name
		if !hold.ToolsName(name) {
			bad("", "name", "A server's name has up to 32 lower-case letters, digits and hyphens.")
		}
		u, err := url.Parse(t.URL)
		switch {
		case (t.URL == "") == (t.Command == ""):
			bad("", "either", "A server has either a url or a command.")
		case t.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != ""):
			bad("url", "address", "It is no plain https address.")
		case t.URL != "" && (len(t.Args) > 0 || len(t.Env) > 0), t.Command != "" && len(t.Headers) > 0:
			bad("", "either", "headers belong to a url; args and env to a command.")
		}
		if want := map[bool]string{true: "http", false: "stdio"}[t.URL != ""]; t.Type != "" && t.Type != want {
			bad("type", "type", "It is %q; leave it out, or say %q.", t.Type, want)
		}
		for field, values := range map[string]map[string]string{"headers": t.Headers, "env": t.Env} {
			for key, value := range values {
				values[key] = variable.ReplaceAllStringFunc(value, func(s string) string {
					found, ok := lookup(s[2 : len(s)-1])
					if !ok {
						bad(field+"."+key, "variable", "The variable %s is not set.", s[2:len(s)-1])
					}
					return found
				})
				if field == "headers" && (!headerName.MatchString(key) || !headerValue.MatchString(values[key])) {
					bad(field+"."+key, "header", "It is no header.")
				}
				if field == "env" && (!envName.MatchString(key) || strings.ContainsRune(values[key], 0)) {
					bad(field+"."+key, "env", "It is no variable.")
				}
			}
		}
		out = append(out, t)
	}
	slices.SortStableFunc(v, func(a, b fault.Violation) int { return strings.Compare(a.Path, b.Path) })
	if err := fault.Violated("the file of MCP servers", v); err != nil {
		return nil, err
	}
	return out, nil
}

// strictly decodes one JSON value that has no other fields.
func strictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows it")
	}
	return nil
}

// tools has a session's holder lead to the servers, and says how its agent is to
// reach them.
func (s *Service) tools(order *hold.Order, secrets *hold.Secrets, secret string) (out []agent.Tools) {
	for _, t := range s.o.Tools {
		if t.URL == "" {
			env := t.Env
			if env == nil {
				env = map[string]string{} // agents take no null for it
			}
			out = append(out, agent.Tools{Name: t.Name, Command: append([]string{t.Command}, t.Args...), Env: env})
			continue
		}
		if order.Tools == nil {
			order.Tools = &hold.Tools{Servers: map[string]string{}, Secret: secret}
			secrets.ToolHeaders = map[string]map[string]string{}
		}
		order.Tools.Servers[t.Name], secrets.ToolHeaders[t.Name] = t.URL, t.Headers
		out = append(out, agent.Tools{Name: t.Name, URL: "http://127.0.0.1:" + hold.PortOf(hold.ToolsCrossing) + "/" + t.Name, Secret: secret})
	}
	return out
}
