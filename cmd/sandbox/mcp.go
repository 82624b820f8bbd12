package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/openova-io/sandbox/conversation/fault"
)

// mcpUpgrade is the protocol that the service switches to for a client on
// standard input and output: newline-delimited MCP.
const mcpUpgrade = "mcp-stdio"

// runMCP joins standard input and output to the service's toolbox.
func runMCP(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) != 1 || args[0] != "concierge" {
		fmt.Fprintln(std.err, "sandbox: there is one toolbox: sandbox mcp concierge")
		return errUsage
	}
	if _, err := ensureService(ctx, c.DataDir, serviceArgs(c)); err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", shortPath(c.DataDir, filepath.Join(c.DataDir, socketName)))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /local/mcp/concierge HTTP/1.1\r\nHost: sandbox\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", mcpUpgrade); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return problemFault(res)
	}
	go func() { // ends with the input
		_, _ = io.Copy(conn, std.in)
		if u, ok := conn.(*net.UnixConn); ok {
			_ = u.CloseWrite() // what is still being answered is still read
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, err = io.Copy(std.out, in)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// isTerminal says whether a person can answer.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
