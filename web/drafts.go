package web

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net/http"
	"sort"
	"strings"

	"github.com/labstack/echo/v4"
	"golang.org/x/crypto/ssh"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

func (s *Server) getDraft(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	d, err := s.options.Provisioner.Draft(c.Request().Context(), actor, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, d)
}

func (s *Server) patchDraft(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		Changes []provisioner.Change `json:"changes"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if len(in.Changes) == 0 || len(in.Changes) > 100 {
		return fault.New(fault.Invalid, "a patch has 1 to 100 changes; this one has %d", len(in.Changes)).At("changes")
	}
	d, err := s.options.Provisioner.ChangeDraft(c.Request().Context(), actor, c.Param("id"), in.Changes)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, d)
}

// postSecrets is the only way in for secrets. The answer names purposes only.
func (s *Server) postSecrets(c echo.Context) error {
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	var in struct {
		DraftID string            `json:"draftId"`
		Values  map[string]string `json:"values"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if in.DraftID == "" || len(in.Values) == 0 || len(in.Values) > 20 {
		return fault.New(fault.Invalid, "name the draft and 1 to 20 values").At("draftId, values")
	}
	purposes := make([]string, 0, len(in.Values))
	for p := range in.Values {
		purposes = append(purposes, p)
	}
	sort.Strings(purposes)
	var violations []fault.Violation
	stored := []string{}
	ctx := c.Request().Context()
	for _, p := range purposes {
		value := strings.TrimSpace(in.Values[p])
		switch p {
		case "ssh-public-key", "hetzner-project-id":
			// Not secret: part of the draft, where everybody who may can see it.
			field := map[string]string{"ssh-public-key": "sshPublicKey", "hetzner-project-id": "hetznerProjectID"}[p]
			_, err = s.options.Provisioner.ChangeDraft(ctx, actor, in.DraftID, []provisioner.Change{{Field: field, Value: value, Source: provisioner.Said}})
		default:
			err = s.options.Provisioner.PutSecret(ctx, actor, in.DraftID, p, []byte(value))
		}
		if f := fault.From(err); f != nil {
			if f.Code != fault.Invalid {
				return err
			}
			violations = append(violations, fault.Violation{Path: "values." + cut(p, 60), Rule: "secret", Message: f.Message, Suggestion: f.Hint})
			continue
		}
		stored = append(stored, p)
	}
	if err := fault.Violated("the account", violations); err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]any{"stored": stored})
}

// generateSSHKey makes an Ed25519 pair in upstream's shape. Nothing is kept.
func (s *Server) generateSSHKey(c echo.Context) error {
	var in struct {
		FQDN string `json:"fqdn"`
	}
	if c.Request().ContentLength != 0 {
		if err := bind(c, &in); err != nil {
			return err
		}
	}
	comment := "catalyst"
	if in.FQDN != "" {
		if len(in.FQDN) > 253 || strings.ContainsFunc(in.FQDN, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fault.New(fault.Invalid, "the domain name has characters that a domain cannot have").At("fqdn")
		}
		comment += "@" + in.FQDN
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]string{
		"publicKey":   strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment,
		"privateKey":  string(pem.EncodeToMemory(block)),
		"fingerprint": ssh.FingerprintSHA256(key),
	})
}
