package hold

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// listensEvery is how often the session's side looks which ports are listened on.
// The kernel tells of no change without more rights than a session has.
const listensEvery = 500 * time.Millisecond

// ephemeral is where ports begin that a program gets without asking for one: no
// person is meant to open them.
const ephemeral = 32768

// offerPorts offers the holder connections to whatever port it names, one at a
// time, until it is gone.
func (f forwarding) offerPorts() {
	for {
		far, err := dialAt(f.Folder, PortsCrossing)
		if err != nil {
			return
		}
		port := make([]byte, 2)
		if _, err = far.Write([]byte{offer}); err == nil {
			_, err = io.ReadFull(far, port)
		}
		if err != nil {
			far.Close()
			continue
		}
		near, err := dialLoopback(int(binary.BigEndian.Uint16(port)))
		if err != nil {
			_, _ = far.Write([]byte{refused})
			far.Close()
			continue
		}
		go func() { // ends with the connection
			defer near.Close()
			defer far.Close()
			if _, err := far.Write([]byte{joined}); err == nil {
				join(near, far, nil)
			}
		}()
	}
}

// dialLoopback tries both loopbacks: a server that was told "localhost" listens on
// one of them.
func dialLoopback(port int) (*net.TCPConn, error) {
	var err error
	for _, ip := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
		var conn *net.TCPConn
		if conn, err = net.DialTCP("tcp", nil, &net.TCPAddr{IP: ip, Port: port}); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// watchPorts tells the holder which ports are listened on in the session's own
// network. own are ports that are none of the session's.
func (f forwarding) watchPorts(own map[int]bool) {
	far, err := dialAt(f.Folder, PortsCrossing)
	if err != nil {
		return
	}
	defer far.Close()
	if _, err := far.Write([]byte{watch}); err != nil {
		return
	}
	told, seen := map[int]bool{}, map[int]bool{}
	say := json.NewEncoder(far)
	for {
		now := listening()
		for port := range now {
			// One that is open at two looks was not only tried.
			if port < ephemeral && !own[port] && !told[port] && seen[port] {
				told[port] = true
				if say.Encode(PortData{port, true}) != nil {
					return
				}
			}
		}
		for port := range told {
			if !now[port] && !seen[port] {
				delete(told, port)
				if say.Encode(PortData{port, false}) != nil {
					return
				}
			}
		}
		seen = now
		time.Sleep(listensEvery)
	}
}

// listening are the TCP ports that somebody listens on in this network namespace.
func listening() map[int]bool {
	ports := map[int]bool{}
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if file, err := os.Open(path); err == nil {
			readListening(file, ports)
			file.Close()
		}
	}
	return ports
}

// tcpListen is the state of a listening socket in /proc/net/tcp (proc_net_tcp(5)).
const tcpListen = "0A"

func readListening(r io.Reader, ports map[int]bool) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) < 4 || field[3] != tcpListen {
			continue
		}
		_, hex, ok := strings.Cut(field[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); ok && err == nil {
			ports[int(port)] = true
		}
	}
}

// ownPorts are the ports of the crossing itself.
func ownPorts(listeners []net.Listener, serve map[string]int) map[int]bool {
	own := map[int]bool{}
	for _, l := range listeners {
		if _, port, err := net.SplitHostPort(fmt.Sprint(l.Addr())); err == nil {
			n, _ := strconv.Atoi(port)
			own[n] = true
		}
	}
	for _, port := range serve {
		own[port] = true
	}
	return own
}
