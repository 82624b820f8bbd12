package hold

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Tools are the MCP servers that a session reaches through its holder, which alone
// has what they ask of a caller. A path of the session is a server's name.
type Tools struct {
	// Servers are their addresses, by name.
	Servers map[string]string `json:"servers"`
	// Secret is what the session sends as a bearer.
	Secret string `json:"secret"`
}

// ToolsCrossing is the name of the way to the servers.
const ToolsCrossing = "tools"

// handler forwards a session's requests. headers are those that a server is given, by
// its name.
func (t *Tools) handler(headers map[string]map[string]string) (http.Handler, error) {
	if t.Secret == "" {
		return nil, errors.New("the order's tools have no secret")
	}
	mux := http.NewServeMux()
	for name, address := range t.Servers {
		target, err := url.Parse(address)
		if err != nil || !ToolsName(name) || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
			return nil, errors.Join(fmt.Errorf("the order's MCP server %s has no address: %q", name, address), err)
		}
		proxy := forward(target, http.DefaultTransport, func(h http.Header) {
			for key, value := range headers[name] {
				h.Set(key, value)
			}
		}, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"the MCP server cannot be reached"}}`)
		mux.Handle("/"+name, http.StripPrefix("/"+name, proxy)) // its address, and nothing else of its host
	}
	return knowing(t.Secret, mux), nil
}

// ToolsName is true for a name that can be a server's: of all agents' names of tools it
// becomes a part.
func ToolsName(name string) bool {
	return name != "" && len(name) <= 32 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && name[0] != '-'
}
