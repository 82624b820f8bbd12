package hold

import "net/http"

// Handler is what a session's requests to its MCP servers meet.
func (t *Tools) Handler(headers map[string]map[string]string) (http.Handler, error) {
	return t.handler(headers)
}
