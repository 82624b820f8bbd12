package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
)

// runKeys looks after the service's signing keys.
func runKeys(ctx context.Context, c *config, args []string, std stdio) error {
	client, err := verbClient(ctx, c, args, std, map[string]int{"list": 1, "rotate": 1, "revoke": 2},
		"sandbox keys list, sandbox keys rotate or sandbox keys revoke KID")
	if err != nil {
		return err
	}
	switch args[0] {
	case "rotate":
		var made identity.KeyInfo
		if err := call(ctx, client, http.MethodPost, "/local/keys", nil, &made); err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(std.out).Encode(made)
		}
		fmt.Fprintf(std.out, "The key %s signs from now on. What was signed before stays good until its own end.\n", made.KID)
		return nil
	case "revoke":
		if err := call(ctx, client, http.MethodDelete, "/local/keys/"+url.PathEscape(args[1]), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "The key %s is revoked: everything that it signed is refused.\n", args[1])
		return nil
	}
	var list []identity.KeyInfo
	if err := getJSON(ctx, client, "/local/keys", &list); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(list)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tMADE\tSTATE")
	for _, k := range list {
		state := "signs"
		switch {
		case !k.RevokedAt.IsZero():
			state = "revoked " + k.RevokedAt.Format(time.DateOnly)
		case !k.VerifiesUntil.IsZero():
			state = "verifies until " + k.VerifiesUntil.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.KID, k.CreatedAt.Format(time.DateOnly), state)
	}
	return w.Flush()
}

// verbClient checks the words of a command such as keys or token, whose first says
// what to do and how many there have to be, and gives a client of the service.
func verbClient(ctx context.Context, c *config, args []string, std stdio, words map[string]int, usage string) (*http.Client, error) {
	if len(args) == 0 || words[args[0]] != len(args) {
		fmt.Fprintln(std.err, "sandbox: it is "+usage)
		return nil, errUsage
	}
	return ensureService(ctx, c.DataDir, serviceArgs(c))
}

// localKeys answers runKeys.
func (s *service) localKeys(mux *http.ServeMux) {
	mux.HandleFunc("GET /local/keys", func(w http.ResponseWriter, _ *http.Request) {
		localJSON(w, s.identity.SigningKeys())
	})
	mux.HandleFunc("POST /local/keys", func(w http.ResponseWriter, r *http.Request) {
		made, err := s.identity.RotateKeys(r.Context())
		if err != nil {
			localProblem(w, err)
			return
		}
		localJSON(w, made)
	})
	mux.HandleFunc("DELETE /local/keys/{kid}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.identity.RevokeKey(r.Context(), r.PathValue("kid")); err != nil {
			localProblem(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func localJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// localProblem answers with a fault, as problemFault reads it.
func localProblem(w http.ResponseWriter, err error) {
	f := fault.From(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(f.HTTPStatus())
	_ = json.NewEncoder(w).Encode(map[string]any{"title": f.Message, "detail": f.Hint, "code": f.Code, "path": f.Path})
}
