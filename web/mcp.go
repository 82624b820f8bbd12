package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
)

// mcpPath is where the concierge's toolbox is; it is the one resource that programs
// are let in to by OAuth.
const mcpPath = "/mcp/concierge"

// serveMCP hands a request on to the toolbox. Each tool call is written into the
// audit log, whoever's program makes it.
func (s *Server) serveMCP(c echo.Context) error {
	if claims, err := s.caller(c); err == nil && s.options.Audit != nil {
		e := s.entry(c, claims, journal.Actor{Kind: journal.Model, Via: "mcp"}, "")
		c.SetRequest(c.Request().WithContext(mcp.WithWitness(c.Request().Context(), func(ctx context.Context, tool string, refused fault.Code) error {
			return s.options.Audit.Record(ctx, toolCall(e, s.options.Tools, tool, refused))
		})))
	}
	s.options.MCP.ServeHTTP(c.Response(), c.Request())
	return nil
}

// toolCall is the entry of a tool call: its operation is the capability, which for
// most tools is the tool's name.
func toolCall(e audit.Entry, tools map[string]string, tool string, refused fault.Code) audit.Entry {
	e.Operation, e.Target, e.Result = tools[tool], tool, audit.Done
	if e.Operation == "" {
		e.Operation = identity.UseConcierge // of a tool that there is not
	}
	if refused != "" {
		e.Result = string(refused)
	}
	return e
}

// ToolWitness writes the tool calls of the owner's programs on this machine into
// the audit log; tools are as in [Options.Tools].
func ToolWitness(log *audit.Log, owner journal.Actor, tools map[string]string) mcp.Witness {
	return func(ctx context.Context, tool string, refused fault.Code) error {
		return log.Record(ctx, toolCall(audit.Entry{
			Subject: owner.Subject, Email: owner.Email, Kind: journal.Model, OrgID: owner.OrgID, Via: "mcp", TokenType: identity.TypeSession,
		}, tools, tool, refused))
	}
}

// mcpRoutes are the toolbox and what a program needs to be let in to it.
func (s *Server) mcpRoutes(e *echo.Echo, api *echo.Group) {
	// The three methods of MCP's streamable HTTP transport.
	e.Match([]string{http.MethodGet, http.MethodPost, http.MethodDelete}, mcpPath, s.serveMCP)
	s.oauthRoutes(e, api)
}
