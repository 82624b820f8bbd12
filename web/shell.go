package web

import (
	"net/http"
	"os"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
	"github.com/openova-io/sandbox/web/identity"
)

// shellRoutes are the sessions of the developer shell: upstream's pty-server below
// /api/v1/sandbox, with what it lacks.
func (s *Server) shellRoutes(api *echo.Group) {
	g := api.Group("/sandbox", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if s.options.Shell == nil {
				return fault.New(fault.Unavailable, "this service keeps no developer sessions")
			}
			// They run on this machine: they are for those whom its owner has let in.
			if claims, err := s.caller(c); err != nil || claims.OrgID != identity.Home && !claims.LocalOwner && s.options.Mode == Concierge {
				return fault.New(fault.Denied, "developer sessions are for members of this service's own Organization").Do("Ask its owner for an invitation.")
			}
			return next(c)
		}
	})
	g.GET("/agents", s.listAgents)
	g.GET("/models", s.listModels)
	g.PUT("/models/:api", s.setModel(shell.Person))
	g.DELETE("/models/:api", s.removeModel(shell.Person))
	g.PUT("/models/:api/organization", s.setModel(shell.Organization))
	g.DELETE("/models/:api/organization", s.removeModel(shell.Organization))
	g.GET("/idle", s.shellIdle)
	g.GET("/push", s.getPush)
	g.POST("/push/devices", s.subscribe)
	g.DELETE("/push/devices/:id", s.unsubscribe)
	g.POST("/sessions", s.createSession)
	g.GET("/sessions", s.listSessions)
	g.GET("/sessions/:id", s.getSession)
	g.PATCH("/sessions/:id", s.renameSession)
	g.DELETE("/sessions/:id", s.deleteSession)
	g.POST("/sessions/:id/resize", s.resizeSession)
	g.POST("/sessions/:id/signal", s.signalSession)
	g.POST("/sessions/:id/invitations", s.inviteToSession)
	g.POST("/sessions/:id/prompt", s.promptSession)
	g.POST("/sessions/:id/permissions/:card", s.answerPermission)
	g.POST("/sessions/:id/files", s.uploadFile)
	g.GET("/sessions/:id/recording", s.sessionRecording)
	g.GET("/sessions/:id/previews/:port", s.openPreview)
	g.GET("/sessions/:id/stream", s.sessionStream)
	g.GET("/sessions/:id/attach", s.sessionAttach)
}

// listAgents says what can be started, and behind which wall.
func (s *Server) listAgents(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	agents, err := s.options.Shell.Agents(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	out := map[string]any{"agents": agents, "isolation": s.options.Shell.Isolation()}
	if err := s.options.Shell.Wall(c.Request().Context()); err != nil {
		out["problem"] = fault.From(err).Text()
	}
	return c.JSON(http.StatusOK, out)
}

func (s *Server) shellIdle(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	last, running := s.options.Shell.Idle(actor)
	out := map[string]any{"activeSessions": running}
	if last != "" {
		out["lastActivityAt"] = last
	}
	return c.JSON(http.StatusOK, out)
}

func (s *Server) createSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Agent      string            `json:"agent"`
		Command    []string          `json:"command"`
		ExtraArgs  []string          `json:"extraArgs"`
		EnvMap     map[string]string `json:"envMap"`
		Name       string            `json:"name"`
		Cwd        string            `json:"cwd"`
		Mode       agent.Mode        `json:"mode"`
		Resume     string            `json:"resume"`
		Repository struct {
			URL    string `json:"url"`
			Branch string `json:"branch"`
			Token  string `json:"token"`
		} `json:"repository"`
		Rows int `json:"rows"`
		Cols int `json:"cols"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	v, err := s.options.Shell.Create(c.Request().Context(), actor, shell.CreateOptions{
		Agent: in.Agent, Command: in.Command, Args: in.ExtraArgs, Env: in.EnvMap, Name: in.Name, Dir: in.Cwd, Rows: in.Rows, Cols: in.Cols,
		Mode: in.Mode, Resume: in.Resume, Repository: in.Repository.URL, Branch: in.Repository.Branch, Token: in.Repository.Token,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, v)
}

func (s *Server) listSessions(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"sessions": s.options.Shell.List(actor)})
}

func (s *Server) getSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	v, err := s.options.Shell.Get(actor, c.Param("id"), c.QueryParam("invitation"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, v)
}

func (s *Server) renameSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Name string `json:"name"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	v, err := s.options.Shell.Rename(c.Request().Context(), actor, c.Param("id"), in.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, v)
}

func (s *Server) deleteSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	if err := s.options.Shell.Delete(c.Request().Context(), actor, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) resizeSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Rows int `json:"rows"`
		Cols int `json:"cols"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if err := s.options.Shell.Resize(actor, c.Param("id"), in.Cols, in.Rows); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) signalSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Signal string `json:"signal"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if err := s.options.Shell.Signal(actor, c.Param("id"), in.Signal); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) inviteToSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Role hold.Role `json:"role"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	token, expires, err := s.options.Shell.Invite(c.Request().Context(), actor, c.Param("id"), in.Role)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, map[string]any{"invitation": token, "role": in.Role, "expiresAt": expires})
}

// promptSession tells a session's agent what to do.
func (s *Server) promptSession(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Text string `json:"text"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if err := s.options.Shell.Prompt(c.Request().Context(), actor, c.Param("id"), c.QueryParam("invitation"), in.Text); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// answerPermission lets a session's agent do what it asks, or not.
func (s *Server) answerPermission(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Decision string `json:"decision"`
		Message  string `json:"message"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if in.Decision != "allow" && in.Decision != "deny" {
		return fault.New(fault.Invalid, "a decision is allow or deny, and not %q", cut(in.Decision, 40)).At("decision")
	}
	answered, err := s.options.Shell.Answer(c.Request().Context(), actor, c.Param("id"), c.QueryParam("invitation"), c.Param("card"), in.Decision == "allow", in.Message)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answered)
}

// uploadPath is where files come in, which have a limit of their own.
const uploadPath = "/api/v1/sandbox/sessions/:id/files"

// uploadFile puts a file into a session: the body, as it is.
func (s *Server) uploadFile(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	path, size, err := s.options.Shell.Upload(actor, c.Param("id"), c.QueryParam("invitation"), c.QueryParam("name"), c.Request().Body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]any{"path": path, "size": size})
}

func (s *Server) sessionRecording(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	path, err := s.options.Shell.Recording(actor, c.Param("id"))
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.New(fault.NotFound, "this session was not recorded")
	}
	defer f.Close()
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="session-`+c.Param("id")+`.cast"`)
	h.Set("Cache-Control", "no-store")
	return c.Stream(http.StatusOK, "application/x-asciicast", f)
}
