package web

import (
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/voice/recording"
)

// soundPath is compressed by nothing, and asked for in ranges.
const soundPath = "/api/v1/recordings/:id/sound"

// recordingsOf gives the caller, where recordings are kept.
func (s *Server) recordingsOf(c echo.Context) (journal.Actor, error) {
	actor, err := s.actor(c)
	if err == nil && s.options.Recordings == nil {
		err = fault.New(fault.NotFound, "this service keeps no recordings")
	}
	return actor, err
}

func (s *Server) listRecordings(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.options.Conversations.Get(ctx, actor, c.Param("id")); err != nil {
		return err
	}
	list := []recording.Recording{}
	if s.options.Recordings != nil {
		if list, err = s.options.Recordings.List(ctx, actor.Subject, c.Param("id")); err != nil {
			return err
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"recordings": list})
}

func (s *Server) recordingSound(c echo.Context) error {
	actor, err := s.recordingsOf(c)
	if err != nil {
		return err
	}
	f, err := s.options.Recordings.Sound(c.Request().Context(), actor.Subject, c.Param("id"))
	if err != nil {
		return err
	}
	defer f.Close()
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set(echo.HeaderContentType, "audio/wav")
	h.Set("Content-Disposition", `attachment; filename="call.wav"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, f)
	return nil
}

func (s *Server) recordingCaptions(c echo.Context) error {
	actor, err := s.recordingsOf(c)
	if err != nil {
		return err
	}
	text, err := s.options.Recordings.Captions(c.Request().Context(), actor.Subject, c.Param("id"), voices)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="call.vtt"`)
	return c.Blob(http.StatusOK, "text/vtt; charset=utf-8", []byte(text))
}

// voices name who speaks in captions.
var voices = map[string]string{"person": "You", "agent": "Concierge"}

func (s *Server) deleteRecording(c echo.Context) error {
	actor, err := s.recordingsOf(c)
	if err != nil {
		return err
	}
	if err := s.options.Recordings.Delete(c.Request().Context(), actor.Subject, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// recordingsIn are a person's recordings as files of an export.
func (s *Server) recordingsIn(c echo.Context, actor journal.Actor) (files []exported, err error) {
	if s.options.Recordings == nil {
		return nil, nil
	}
	ctx := c.Request().Context()
	list, err := s.options.Recordings.List(ctx, actor.Subject, "")
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		text, err := s.options.Recordings.Captions(ctx, actor.Subject, r.ID, voices)
		if err != nil {
			return nil, err
		}
		files = append(files, exported{"calls/" + r.ID + ".vtt", text}, exported{"calls/" + r.ID + ".wav", func(w io.Writer) error {
			f, err := s.options.Recordings.Sound(ctx, actor.Subject, r.ID)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}})
	}
	return files, nil
}
