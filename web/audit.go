package web

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/audit"
	"github.com/openova-io/sandbox/web/identity"
)

// audited are operations that only read and are in the audit log all the same.
var audited = map[string]bool{
	"catalyst.deployments.enter": true, "identity.self.export": true, "org.audit.export": true,
}

// recorded writes down what a known caller did or tried: everything that changes
// something. It is on the disk before the answer is complete; where it cannot be
// written the caller is told that the service is not well, whatever was done.
func (s *Server) recorded(c echo.Context, claims identity.Claims, capability string, next echo.HandlerFunc) error {
	method := c.Request().Method
	if s.options.Audit == nil || (method == http.MethodGet || method == http.MethodHead) && !audited[capability] || capability == identity.UseConcierge {
		return next(c)
	}
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	e := s.entry(c, claims, actor, capability)
	if names := c.ParamNames(); len(names) > 0 {
		e.Target = c.Param(names[0])
	}
	err = next(c)
	if err != nil {
		e.Result = string(faultOf(err).Code)
	}
	if failed := s.options.Audit.Record(context.WithoutCancel(c.Request().Context()), e); failed != nil {
		s.options.Logger.Error("the audit log could not be written", slog.String("requestId", requestID(c)), slog.String("operation", capability), slog.String("error", failed.Error()))
		if err == nil {
			return fault.Wrap(failed, fault.Unavailable, "what you did could not be written into the audit log").(*fault.Error).Do("Look whether it was done before you do it again.")
		}
	}
	return err
}

// entry is what is known of something that a caller does before it is done.
func (s *Server) entry(c echo.Context, claims identity.Claims, actor journal.Actor, capability string) audit.Entry {
	e := audit.Entry{
		Operation: capability, Subject: claims.Subject, Email: claims.Email, Kind: actor.Kind, OrgID: claims.OrgID, Via: actor.Via,
		From: c.RealIP(), TokenType: claims.Type, TokenID: claims.ID, RequestID: requestID(c), Result: audit.Done,
	}
	if claims.SessionID != "" {
		e.TokenID = claims.SessionID
	}
	return e
}

// listAudit gives a page of the Organization's audit log, the newest first.
func (s *Server) listAudit(c echo.Context) error {
	claims, err := s.auditor(c)
	if err != nil {
		return err
	}
	before, limit := uint64(0), 100
	if v := c.QueryParam("before"); v != "" {
		if before, err = strconv.ParseUint(v, 10, 64); err != nil {
			return fault.New(fault.Invalid, "the cursor %q is not a sequence number", cut(v, 40)).At("before")
		}
	}
	if v := c.QueryParam("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > 500 {
			return fault.New(fault.Invalid, "a page has 1 to 500 entries").At("limit")
		}
	}
	page, err := s.options.Audit.Page(c.Request().Context(), claims.OrgID, before, limit)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	entries := make([]titled, 0, len(page))
	for _, e := range page {
		entries = append(entries, titled{e, titleOf(e.Operation)})
	}
	return c.JSON(http.StatusOK, map[string]any{"entries": entries})
}

// titled is an entry with what its operation is in plain words.
type titled struct {
	audit.Entry
	Title string `json:"title"`
}

// signedInto is what is written down of a sign-in, which needs no capability.
const signedInto = "identity.session.start"

// titleOf says what an operation is; one that there is no more is its own title.
func titleOf(operation string) string {
	switch operation {
	case signedInto:
		return "Sign in"
	case "catalyst.secrets.use":
		return "Use a secret"
	}
	if known, ok := identity.CapabilityNamed(operation); ok {
		return known.Title
	}
	return operation
}

// exportAudit gives all of it, as JSON Lines or CSV.
func (s *Server) exportAudit(c echo.Context) error {
	claims, err := s.auditor(c)
	if err != nil {
		return err
	}
	format, kind, write := c.QueryParam("format"), "application/x-ndjson", s.options.Audit.WriteLines
	switch format {
	case "", "jsonl":
		format = "jsonl"
	case "csv":
		kind, write = "text/csv; charset=utf-8", s.options.Audit.WriteCSV
	default:
		return fault.New(fault.Invalid, "there is no format %q", cut(format, 40)).At("format").Do("jsonl and csv are there.")
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, kind)
	h.Set("Content-Disposition", `attachment; filename="audit.`+format+`"`)
	h.Set("Cache-Control", "no-store")
	return write(c.Request().Context(), claims.OrgID, c.Response())
}

func (s *Server) auditor(c echo.Context) (identity.Claims, error) {
	if s.options.Audit == nil {
		return identity.Claims{}, fault.New(fault.Unavailable, "this service keeps no audit log")
	}
	return s.caller(c)
}
