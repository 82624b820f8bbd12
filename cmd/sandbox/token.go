package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/openova-io/sandbox/web/identity"
)

const tokensPath = "/api/v1/auth/pat"

// runToken looks after the owner's access tokens.
func runToken(ctx context.Context, c *config, args []string, std stdio) error {
	client, err := verbClient(ctx, c, args, std, map[string]int{"create": 2, "list": 1, "revoke": 2},
		"sandbox token create NAME, sandbox token list or sandbox token revoke JTI")
	if err != nil {
		return err
	}
	switch args[0] {
	case "create":
		return createToken(ctx, c, client, args[1], std)
	case "revoke":
		if err := call(ctx, client, http.MethodDelete, tokensPath+"/"+url.PathEscape(args[1]), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "The token %s is revoked: it is refused from now on.\n", args[1])
		return nil
	}
	var answer struct{ Tokens []identity.Token }
	if err := getJSON(ctx, client, tokensPath, &answer); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(answer.Tokens)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JTI\tNAME\tSTATE\tLAST USED\tCAPABILITIES")
	for _, t := range answer.Tokens {
		state, used := "good until "+t.ExpiresAt.Format(time.DateOnly), "never"
		switch {
		case !t.RevokedAt.IsZero():
			state = "revoked " + t.RevokedAt.Format(time.DateOnly)
		case time.Now().After(t.ExpiresAt):
			state = "ended " + t.ExpiresAt.Format(time.DateOnly)
		}
		if !t.LastUsedAt.IsZero() {
			used = t.LastUsedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, state, used, strings.Join(t.Capabilities, ","))
	}
	return w.Flush()
}

// createToken prints the token alone on standard output, so that a script can keep
// it, and what there is to say of it on the other.
func createToken(ctx context.Context, c *config, client *http.Client, name string, std stdio) error {
	in := map[string]any{"name": name, "ttl_hours": c.TokenTTL.Hours(), "audience": c.Audience, "capabilities": list(c.Capabilities)}
	var made struct {
		Text string `json:"token"`
		Type string `json:"typ"`
		identity.Token
	}
	if err := call(ctx, client, http.MethodPost, tokensPath, in, &made); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(made)
	}
	fmt.Fprintf(std.err, "This is the token %q (%s), good until %s at %s. It is not shown again.\n", made.Name, made.ID, made.ExpiresAt.Format(time.RFC3339), made.Audience)
	fmt.Fprintln(std.out, made.Text)
	return nil
}
