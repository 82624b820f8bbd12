package hold

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Inside is what the first program in a session does before it becomes the agent
// (`sandbox-holder inside <file> -- command`): it makes the session's ends of the
// crossing. They are ports on the session's own loopback, which is all the
// network that it has, because agents can be told ports and no sockets.
type Inside struct {
	// Folder has the crossing's sockets.
	Folder string `json:"folder"`
	// Listen are ports whose connections lead out through the socket of the name; 0
	// is any that is free.
	Listen map[string]int `json:"listen,omitempty"`
	// Serve are ports on which the agent will listen, and which the holder reaches
	// through the socket of the name.
	Serve map[string]int `json:"serve,omitempty"`
	// Ports is true when any port of the session can be reached by the holder, and
	// Watch when it is told which are listened on: in a network of its own.
	Ports bool `json:"ports,omitempty"`
	Watch bool `json:"watch,omitempty"`
	// Files are those in which, like in the command and in the environment,
	// {port:NAME} is to become the port of that name.
	Files []string `json:"files,omitempty"`
	// Clone is the repository to work in; nil is none.
	Clone *Clone `json:"clone,omitempty"`
}

// PortOf stands for the port of a crossing until the session starts.
func PortOf(name string) string { return "{port:" + name + "}" }

// offers is how many connections to each of the agent's ports are offered at once.
const offers = 4

// InsideCommand is `sandbox-holder inside <file> -- command`. It does not return
// when all is well: it becomes the command.
func InsideCommand(args []string, stderr io.Writer) int {
	if len(args) < 3 || args[1] != "--" {
		fmt.Fprintln(stderr, "usage: sandbox-holder inside <file> -- <command>")
		return 2
	}
	if err := inside(args[0], args[2:]); err != nil {
		fmt.Fprintln(stderr, "the session did not start:", err)
		return 1
	}
	return 0
}

func inside(file string, argv []string) error {
	var in Inside
	if found, err := readJSON(filepath.Dir(file), filepath.Base(file), &in); err != nil || !found {
		return errors.Join(fmt.Errorf("%s cannot be read", file), err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var names []string
	var files []*os.File
	var swaps []string
	for name, port := range in.Listen {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			return err
		}
		f, err := l.File()
		if err != nil {
			return err
		}
		names, files = append(names, name), append(files, f)
		swaps = append(swaps, PortOf(name), fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
		l.Close() // f goes on
	}
	for name, port := range in.Serve {
		if port == 0 {
			l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				return err
			}
			port = l.Addr().(*net.TCPAddr).Port
			l.Close()
		}
		in.Serve[name] = port
		swaps = append(swaps, PortOf(name), fmt.Sprint(port))
	}
	swap := strings.NewReplacer(swaps...)
	for _, path := range in.Files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(swap.Replace(string(raw))), 0o600); err != nil {
			return err
		}
	}
	// The forwarder is not the agent's child: it is started by one that ends.
	spec, err := json.Marshal(forwarding{in.Folder, names, in.Serve, in.Ports, in.Watch})
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "forward", "--detach", string(spec))
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for _, f := range files {
		f.Close()
	}
	env := slices.Clone(os.Environ())
	for i := range env {
		env[i] = swap.Replace(env[i])
	}
	for i := range argv {
		argv[i] = swap.Replace(argv[i])
	}
	if in.Clone != nil {
		if err := in.Clone.clone(env); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", argv[0], syscall.Exec(argv[0], argv, env))
}

// forwarding is what the forwarder is told: the names of the listeners that it
// inherits, in the order of their descriptors, and the ports it leads to.
type forwarding struct {
	Folder string         `json:"folder"`
	Listen []string       `json:"listen"`
	Serve  map[string]int `json:"serve"`
	Ports  bool           `json:"ports"`
	Watch  bool           `json:"watch"`
}

// ForwardCommand is `sandbox-holder forward [--detach] <spec>`, which connects a
// session's ports with its crossing until the session ends.
func ForwardCommand(args []string, stderr io.Writer) int {
	detach := len(args) == 2 && args[0] == "--detach"
	if len(args) != 1 && !detach {
		fmt.Fprintln(stderr, "usage: sandbox-holder forward [--detach] <spec>")
		return 2
	}
	var f forwarding
	if err := json.Unmarshal([]byte(args[len(args)-1]), &f); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	var files []*os.File
	for i := range f.Listen {
		files = append(files, os.NewFile(uintptr(3+i), f.Listen[i]))
	}
	if detach {
		self, err := os.Executable()
		if err == nil {
			cmd := exec.Command(self, "forward", args[1])
			cmd.ExtraFiles = files
			err = cmd.Start()
		}
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	var wg sync.WaitGroup
	var listeners []net.Listener
	for i, file := range files {
		l, err := net.FileListener(file)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		listeners = append(listeners, l)
		wg.Go(func() { f.out(l, f.Listen[i]) })
	}
	if f.Ports {
		for range offers {
			wg.Go(f.offerPorts)
		}
	}
	if f.Watch {
		wg.Go(func() { f.watchPorts(ownPorts(listeners, f.Serve)) })
	}
	for name, port := range f.Serve {
		for range offers {
			wg.Go(func() { f.in(name, port) })
		}
	}
	wg.Wait()
	return 0
}

// out leads connections to a port out through a socket.
func (f forwarding) out(l net.Listener, name string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { // ends with the connection
			defer conn.Close()
			if far, err := dialAt(f.Folder, name); err == nil {
				defer far.Close()
				join(conn.(*net.TCPConn), far, nil)
			}
		}()
	}
}

// in offers the holder connections to one of the session's ports, one at a time.
// The agent's port is tried when the holder has something to say.
func (f forwarding) in(name string, port int) {
	for {
		far, err := dialAt(f.Folder, name)
		if err != nil {
			return // the holder has gone, and with it the session
		}
		said := bufio.NewReaderSize(far, 64<<10)
		if _, err := said.Peek(1); err != nil {
			far.Close()
			continue
		}
		near, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			go func() { // ends with the connection
				defer near.Close()
				defer far.Close()
				join(near.(*net.TCPConn), far, said)
			}()
			continue
		}
		far.Close() // it does not listen yet; the holder tries again
	}
}

// dialAt connects to a socket in dir.
func dialAt(dir, name string) (conn *net.UnixConn, err error) {
	err = throughFolder(dir, name, func(path string) (err error) {
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	return conn, err
}

type half interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// join copies both ways until both have ended; begun is what was read of b.
func join(a, b half, begun io.Reader) {
	var wg sync.WaitGroup
	if begun == nil {
		begun = b
	}
	wg.Go(func() { _, _ = io.Copy(a, begun); _ = a.CloseWrite() })
	wg.Go(func() { _, _ = io.Copy(b, a); _ = b.CloseWrite() })
	wg.Wait()
}
