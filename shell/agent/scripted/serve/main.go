// Command serve is the scripted model as a server of its own, for the stories in
// a browser: it prints its address and ends when its standard input does.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/openova-io/sandbox/shell/agent/scripted"
)

func main() {
	key := flag.String("key", "", "key that requests have to bring")
	pace := flag.Duration("pace", 15*time.Millisecond, "time between two words")
	flag.Parse()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", l.Addr())
	go func() { _ = http.Serve(l, &scripted.Model{Key: *key, Pace: *pace}) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
