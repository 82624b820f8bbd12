package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// bind reads a JSON body and refuses unknown fields, which are mostly typing
// errors.
func bind(c echo.Context, into any) error {
	kind := c.Request().Header.Get(echo.HeaderContentType)
	if kind != "" && !strings.HasPrefix(kind, "application/json") {
		return fault.New(fault.Invalid, "the body is %s and not application/json", cut(kind, 60))
	}
	dec := json.NewDecoder(c.Request().Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return bodyFault(err)
	}
	return nil
}

// bodyFault says where a body is not what it should be.
func bodyFault(err error) error {
	switch e := err.(type) {
	case *json.UnmarshalTypeError:
		return fault.Wrap(err, fault.Invalid, "%s is a %s, it has to be a %s", orRoot(e.Field), e.Value, e.Type)
	case *echo.HTTPError:
		return err
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fault.Wrap(err, fault.Invalid, "there is no field %s here", cut(field, 80))
	}
	return fault.Wrap(err, fault.Invalid, "the body is not valid JSON")
}

func orRoot(field string) string {
	if field == "" {
		return "the body"
	}
	return field
}

func (s *Server) createConversation(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Language string `json:"language"`
		Channel  string `json:"channel"`
	}
	if c.Request().ContentLength != 0 {
		if err := bind(c, &in); err != nil {
			return err
		}
	}
	if in.Channel == "" {
		in.Channel = actor.Via
	}
	conv, err := s.options.Conversations.Create(c.Request().Context(), actor, conversation.CreateOptions{Channel: in.Channel, Language: in.Language})
	if err != nil {
		return err
	}
	s.suggestAddress(c.Request().Context(), actor, conv.ID)
	return c.JSON(http.StatusCreated, conv)
}

// suggestAddress puts the address that somebody has proved into their new draft: it
// is the one with which they may approve its plan. They can do without.
func (s *Server) suggestAddress(ctx context.Context, actor journal.Actor, draft string) {
	if !actor.EmailVerified || s.options.Provisioner == nil {
		return
	}
	_, err := s.options.Provisioner.ChangeDraft(ctx, actor, draft, []provisioner.Change{{
		Field: "orgEmail", Value: actor.Email, Source: provisioner.Suggested, Why: "the address that you signed in with",
	}})
	if err != nil {
		s.options.Logger.Warn("the person's address is not in their draft", slog.String("error", err.Error()))
	}
}

func (s *Server) listConversations(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	list, err := s.options.Conversations.List(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	if list == nil {
		list = []conversation.Conversation{}
	}
	return c.JSON(http.StatusOK, map[string]any{"conversations": list})
}

func (s *Server) getConversation(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	conv, err := s.options.Conversations.Get(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, conv)
}

func (s *Server) postTurn(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		TurnID string  `json:"turnId"`
		Text   *string `json:"text"`
		Press  *struct {
			CardID string `json:"cardId"`
			Value  string `json:"value"`
		} `json:"press"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	var turn string
	switch ctx := c.Request().Context(); {
	case in.Text != nil && in.Press == nil:
		turn, err = s.options.Conversations.Say(ctx, actor, c.Param("id"), *in.Text, conversation.TurnID(in.TurnID))
	case in.Press != nil && in.Text == nil:
		turn, err = s.options.Conversations.Press(ctx, actor, c.Param("id"), in.Press.CardID, in.Press.Value, conversation.TurnID(in.TurnID))
	default:
		return fault.New(fault.Invalid, "a turn is either text or a press").Do(`Send {"text":"..."} or {"press":{"cardId":"...","value":"..."}}.`)
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, map[string]string{"turnId": turn})
}

func (s *Server) cancelTurn(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	if err := s.options.Conversations.CancelTurn(c.Request().Context(), actor, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// transcript is the conversation as a person reads it, in Markdown.
func (s *Server) transcript(c echo.Context) error {
	w, err := s.newWatch(c)
	if err != nil {
		return err
	}
	text, err := w.transcript(c.Request().Context())
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="conversation.md"`)
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "text/markdown; charset=utf-8", []byte(text))
}

// transcript is what was said and shown, in Markdown.
func (w *watch) transcript(ctx context.Context) (string, error) {
	messages, err := w.replay(ctx, 0)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Conversation\n")
	for _, m := range messages {
		switch v := m.data.(type) {
		case turnMessage:
			who := "You"
			if v.Role == "agent" {
				who = "Concierge"
			}
			if v.Text != "" {
				fmt.Fprintf(&b, "\n**%s** (%s)\n\n%s\n", who, v.At.UTC().Format("2006-01-02 15:04:05 UTC"), v.Text)
			}
		case cardMessage:
			title := v.Card.Title
			if title == "" {
				title = string(v.Card.Kind)
			}
			fmt.Fprintf(&b, "\n> **%s**\n>\n> %s\n", title, strings.ReplaceAll(v.Card.Text, "\n", "\n> "))
		}
	}
	return b.String(), nil
}
