package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/push"
)

// getPush gives what a browser subscribes with, and the caller's devices. A
// device's keys and its address stay here.
func (s *Server) getPush(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	if s.options.Push == nil {
		return fault.New(fault.Unavailable, "this service sends no notifications")
	}
	all, err := s.options.Push.Subscriptions(c.Request().Context(), claims.Subject)
	if err != nil {
		return err
	}
	type device struct {
		ID        string `json:"id"`
		Device    string `json:"device"`
		CreatedAt string `json:"createdAt"`
	}
	devices := []device{}
	for _, d := range all {
		devices = append(devices, device{d.ID, d.Device, d.CreatedAt.Format("2006-01-02T15:04:05Z")})
	}
	return c.JSON(http.StatusOK, map[string]any{"publicKey": s.options.Push.PublicKey(), "devices": devices})
}

func (s *Server) subscribe(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	var in struct {
		Endpoint string    `json:"endpoint"`
		Keys     push.Keys `json:"keys"`
		Device   string    `json:"device"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if s.options.Push == nil {
		return fault.New(fault.Unavailable, "this service sends no notifications")
	}
	made, err := s.options.Push.Subscribe(c.Request().Context(), claims.Subject, push.Subscription{Endpoint: in.Endpoint, Keys: in.Keys, Device: in.Device})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"id": made.ID})
}

func (s *Server) unsubscribe(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	if s.options.Push == nil {
		return fault.New(fault.NotFound, "this device is not told of anything")
	}
	if err := s.options.Push.Unsubscribe(c.Request().Context(), claims.Subject, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
