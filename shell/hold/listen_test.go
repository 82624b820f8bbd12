package hold

import (
	"net"
	"testing"
)

// TestListening: a port is among those that are listened on exactly while it is.
func TestListening(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, "localhost:0")
		if err != nil {
			t.Skipf("not tested here: %v", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		conn, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if !listening()[port] {
			t.Errorf("port %d of %s is not there", port, network)
		}
		if listening()[conn.LocalAddr().(*net.TCPAddr).Port] {
			t.Errorf("a connection of %s is there", network)
		}
		l.Close()
		if listening()[port] {
			t.Errorf("port %d of %s is still there", port, network)
		}
	}
}

func BenchmarkListening(b *testing.B) {
	for b.Loop() {
		listening()
	}
}
