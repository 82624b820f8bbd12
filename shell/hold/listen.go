package hold

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
// The kernel is asked for listening sockets alone (sock_diag(7)): /proc/net/tcp would
// have it walk through the connections of the whole machine.
func listening() map[int]bool {
	ports := map[int]bool{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		answer, err := listeningSockets(family)
		if err != nil {
			continue
		}
		for _, m := range answer {
			// struct inet_diag_msg: four bytes, then the source's port in network order.
			if m.Header.Type == unix.SOCK_DIAG_BY_FAMILY && len(m.Data) >= 6 {
				ports[int(binary.BigEndian.Uint16(m.Data[4:6]))] = true
			}
		}
	}
	return ports
}

// tcpListen is TCP_LISTEN of the kernel's include/net/tcp_states.h.
const tcpListen = 10

func listeningSockets(family uint8) (all []syscall.NetlinkMessage, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	// struct nlmsghdr, then struct inet_diag_req_v2: the family, the protocol, two
	// bytes of nothing, the states, and 48 bytes of a socket's address that is not given.
	const size = unix.SizeofNlMsghdr + 8 + 48
	ask := make([]byte, 0, size)
	ask = binary.NativeEndian.AppendUint32(ask, size)
	ask = binary.NativeEndian.AppendUint16(ask, unix.SOCK_DIAG_BY_FAMILY)
	ask = binary.NativeEndian.AppendUint16(ask, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ask = append(ask, make([]byte, 8)...) // its number, and the sender's
	ask = append(ask, family, unix.IPPROTO_TCP, 0, 0)
	ask = binary.NativeEndian.AppendUint32(ask, 1<<tcpListen)
	ask = append(ask, make([]byte, 48)...)
	if err := unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, err
		}
		some, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return nil, err
		}
		for _, m := range some {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return all, nil
			case unix.NLMSG_ERROR:
				return nil, errors.New("the kernel does not tell of sockets")
			}
			m.Data = slices.Clone(m.Data)
			all = append(all, m)
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
