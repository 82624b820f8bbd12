package web

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// exportPerson answers with everything about the caller, as a zip of JSON files and
// of transcripts that a person can read. Secrets are not in it, nor are tokens.
func (s *Server) exportPerson(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	files, err := s.aboutPerson(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	calls, err := s.recordingsIn(c, actor)
	if err != nil {
		return err
	}
	files = append(append(files, calls...),
		exported{"person.json", map[string]any{
			"subject": claims.Subject, "email": claims.Email, "emailVerified": claims.EmailVerified, "role": claims.Role, "orgId": claims.OrgID,
			"groups": claims.Groups, "exportedAt": time.Now().UTC().Truncate(time.Millisecond), "service": s.options.PublicURL,
		}},
		exported{"tokens.json", s.options.Identity.Tokens(claims)})
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="my-data.zip"`)
	h.Set(echo.HeaderContentType, "application/zip")
	h.Set("Cache-Control", "no-store")
	c.Response().WriteHeader(http.StatusOK)
	z := zip.NewWriter(c.Response())
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Now().UTC()})
		if err != nil {
			return nil // the reader is gone
		}
		switch content := f.content.(type) {
		case string:
			_, err = w.Write([]byte(content))
		case func(io.Writer) error:
			err = content(w)
		default:
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			err = e.Encode(content)
		}
		if err != nil {
			return nil
		}
	}
	_ = z.Close()
	return nil
}

// exported is one file of an export: text as it is, what a function writes, or
// anything else as JSON.
type exported struct {
	name    string
	content any
}

// aboutPerson collects what the rooms keep of a person. Everything is read before
// anything is sent, so that what cannot be read is a fault and not half a zip.
func (s *Server) aboutPerson(ctx context.Context, actor journal.Actor) (files []exported, err error) {
	if s.options.Conversations != nil {
		list, err := s.options.Conversations.Of(ctx, actor)
		if err != nil {
			return nil, err
		}
		for _, head := range list {
			actor := head.Owner // in the Organization where it was begun
			conv, err := s.options.Conversations.Get(ctx, actor, head.ID)
			if err != nil {
				return nil, err
			}
			w := s.watchOf(actor, head.ID)
			text, err := w.transcript(ctx)
			if err != nil {
				return nil, err
			}
			files = append(files, exported{"conversations/" + head.ID + ".json", conv}, exported{"conversations/" + head.ID + ".md", text})
			draft, err := s.options.Provisioner.Draft(ctx, actor, head.ID)
			if err == nil {
				files = append(files, exported{"drafts/" + head.ID + ".json", draft})
			} else if fault.CodeOf(err) != fault.NotFound {
				return nil, err
			}
		}
	}
	if s.options.Provisioner != nil {
		list, err := s.options.Provisioner.DeploymentsOf(ctx, actor)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			files = append(files, exported{"deployments/" + d.ID + ".json", map[string]any{"state": state(d), "spec": d.Spec}})
		}
	}
	if s.options.Shell != nil {
		files = append(files, exported{"sessions.json", s.options.Shell.Of(actor)})
	}
	return files, nil
}

// erasePerson forgets the caller: what is theirs becomes noise, here and in every
// copy, and they are signed out everywhere. There is no way back, so they name
// themselves.
func (s *Server) erasePerson(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Confirm string `json:"confirm"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	name := claims.Email
	if name == "" {
		name = claims.Subject
	}
	switch {
	case claims.LocalOwner:
		return fault.New(fault.Conflict, "the owner of the data directory is not forgotten by the service that works for them").
			Do("Stop it and delete the data directory: that is everything.")
	case in.Confirm != name:
		return fault.New(fault.Invalid, "this cannot be undone, so it needs your name").At("confirm").Do("Send %q as confirm.", name)
	case s.options.Forget == nil:
		return fault.New(fault.Unavailable, "this service keeps nothing of you that it could forget")
	}
	ctx := context.WithoutCancel(c.Request().Context()) // its own session ends, too
	forget, err := s.options.Identity.Forgetting(ctx, claims)
	if err != nil {
		return err
	}
	if err := s.options.Forget(ctx, actor); err != nil {
		return err
	}
	if err := forget(ctx); err != nil {
		return err
	}
	s.options.Identity.ClearCookies(c.Response(), s.isSecure(c))
	return c.NoContent(http.StatusNoContent)
}
