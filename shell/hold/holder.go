package hold

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// grace is how long the processes of a session may take to end after being asked.
const grace = 2 * time.Second

// maxSpool bounds the spool; a session that has so many commands shows no more
// cards, and its terminal goes on.
const maxSpool = 64 << 20

// holder is a running session.
type holder struct {
	order Order
	dir   string
	epoch string
	tty   *os.File
	child int
	out   *output
	input chan []byte
	marks *marks
	cast  *recording

	channels *channels

	secrets redactor
	spoolMu sync.Mutex // guards spool
	spool   *os.File
	over    bool // the spool is closed

	screenMu sync.Mutex // guards screen and painted
	screen   Screen
	painted  uint64

	mu       sync.Mutex // guards everything below
	cols     int
	rows     int
	owner    int
	next     int
	clients  map[int]*client
	resizes  []resizeAt // that the screen has not seen
	resized  uint64     // the last one that it has
	title    string
	groups   groups
	limitsMu sync.Mutex
	met      map[string]int64 // how often a limit was, as far as it is recorded
	spooled  uint64
	exit     *ExitData
	done     chan struct{} // the child's end is written down
	finished sync.WaitGroup
}

type resizeAt struct {
	offset     uint64
	cols, rows int
}

// Execute is the body of `sandbox-holder shell <folder>`. It returns when the
// session has ended. ready gets "ok\n" once clients can attach, or a line saying
// why nothing runs; it is then closed.
func Execute(dir string, secrets Secrets, ready io.WriteCloser) error {
	// The kernel ties "the parent died" to the thread that forked.
	runtime.LockOSThread()
	h, listener, err := begin(dir, secrets)
	if err != nil {
		fmt.Fprintln(ready, err)
		ready.Close()
		return err
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	fmt.Fprintln(ready, "ok")
	ready.Close()

	go h.accept(listener) // ends with the listener
	pumped := make(chan struct{})
	go func() { defer close(pumped); h.pump() }()
	h.finished.Go(h.follow)
	go h.typeIn() // ends with the terminal

	exit := h.attend(children, stop)
	// What the child left behind is of its session and ends with it.
	endTree(os.Getpid(), grace, reapAll)
	select {
	case <-pumped:
	case <-time.After(time.Second): // a terminal that somebody stuck keeps open
	}
	h.end(exit)
	h.groups.remove()
	_ = listener.Close()
	_ = os.Remove(filepath.Join(dir, socketFile))
	return nil
}

// begin starts the child and listens.
func begin(dir string, secrets Secrets) (_ *holder, _ net.Listener, err error) {
	var order Order
	if found, err := readJSON(dir, orderFile, &order); err != nil || !found {
		return nil, nil, errors.Join(errors.New("the session's folder has no readable order"), err)
	}
	if len(order.Argv) == 0 || !filepath.IsAbs(order.Argv[0]) || !filepath.IsAbs(order.Dir) {
		return nil, nil, errors.New("the order names no absolute command and folder")
	}
	if err := adopt(); err != nil {
		return nil, nil, fmt.Errorf("become the parent of orphans: %w", err)
	}
	syscall.Umask(0o077)
	order.Cols, order.Rows = Clamp(order.Cols, order.Rows)
	raw := make([]byte, 8)
	_, _ = rand.Read(raw)
	now := time.Now()
	h := &holder{
		order: order, secrets: newRedactor(order.Env), dir: dir, epoch: hex.EncodeToString(raw), out: newOutput(), input: make(chan []byte, 64),
		cols: order.Cols, rows: order.Rows, clients: map[int]*client{}, met: map[string]int64{}, done: make(chan struct{}),
	}
	h.screen = NewScreen(order.Cols, order.Rows, h.reply)
	h.marks = newMarks(order.Nonce, h.record)
	if h.spool, err = os.OpenFile(filepath.Join(dir, spoolFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, nil, err
	}
	// The intent comes before the effect: whoever finds it never starts a second one.
	self := Process{PID: os.Getpid(), StartTime: startTime(os.Getpid()), Epoch: h.epoch, At: now.UTC()}
	if err := writeJSON(dir, processFile, self, true); err != nil {
		return nil, nil, fmt.Errorf("the session was begun before: %w", err)
	}
	listener, err := listenAt(dir, socketFile)
	if err != nil {
		return nil, nil, err
	}
	if h.channels, err = openChannels(h, secrets); err != nil {
		listener.Close()
		return nil, nil, err
	}
	argv, err := h.confine()
	if err == nil {
		err = unix.Access(order.Argv[0], unix.X_OK) // the command before it cannot say so
	}
	if err != nil {
		h.groups.remove()
		err = fmt.Errorf("%s cannot be started: %w", order.Argv[0], err)
		_ = writeJSON(dir, exitFile, exitRecord{ExitData{Code: -1, Error: err.Error()}, time.Now().UTC()}, false)
		listener.Close()
		h.channels.close()
		return nil, nil, err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = order.Dir, order.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	h.tty, err = pty.StartWithAttrs(cmd, &pty.Winsize{Cols: uint16(order.Cols), Rows: uint16(order.Rows)}, cmd.SysProcAttr)
	if err != nil {
		listener.Close()
		h.channels.close()
		h.groups.remove()
		err = fmt.Errorf("%s cannot be started: %w", order.Argv[0], err)
		_ = writeJSON(dir, exitFile, exitRecord{ExitData{Code: -1, Error: err.Error()}, time.Now().UTC()}, false)
		return nil, nil, err
	}
	h.child = cmd.Process.Pid
	self.Child = h.child
	if err := writeJSON(dir, processFile, self, false); err != nil {
		_ = syscall.Kill(h.child, syscall.SIGKILL)
		return nil, nil, err
	}
	h.channels.begin()
	go h.watchLimits() // ends with the session
	h.cast = newRecording(RecordingPath(dir), order.Cols, order.Rows, order.RecordingLimit, h.secrets, now)
	return h, listener, nil
}

// attend waits for the child and collects every other dead process.
func (h *holder) attend(children, stop <-chan os.Signal) ExitData {
	for {
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
			if pid == h.child && (status.Exited() || status.Signaled()) {
				if status.Signaled() {
					return ExitData{Code: -1, Signal: status.Signal().String()}
				}
				return ExitData{Code: status.ExitStatus()}
			}
		}
		select {
		case <-children:
		case <-stop:
			h.signal("END")
		}
	}
}

func reapAll() {
	for {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}

// pump is the live path: it reads the terminal and hands the bytes on at once.
func (h *holder) pump() {
	buf := make([]byte, 32<<10)
	for {
		n, err := h.tty.Read(buf)
		if n > 0 {
			h.out.append(buf[:n])
			now := time.Now()
			h.marks.write(buf[:n])
			h.mu.Lock()
			h.cast.output(buf[:n], now)
			h.mu.Unlock()
		}
		if err != nil {
			return // EIO: nobody has the terminal open any more
		}
	}
}

// follow keeps the screen up to date, behind the live path.
func (h *holder) follow() {
	var stuck uint64 // up to here nothing can be left out
	for {
		offset := h.painted
		h.mu.Lock()
		// Small pieces: the emulator scrolls slowly, and what piles up meanwhile can
		// be left out only once the piece is done.
		limit := 2 << 10
		if offset >= stuck && h.out.behind() > 128<<10 {
			limit = maxLag
		}
		if len(h.resizes) > 0 {
			r := h.resizes[0]
			if r.offset <= offset {
				h.mu.Unlock()
				h.screenMu.Lock()
				h.screen.Resize(r.cols, r.rows)
				h.screenMu.Unlock()
				h.mu.Lock()
				h.resizes, h.resized = h.resizes[1:], r.offset
				h.mu.Unlock()
				h.out.painted(offset)
				continue
			}
			limit = min(limit, int(r.offset-offset))
		}
		h.mu.Unlock()
		p, _, ended, more := h.out.read(offset, limit)
		if len(p) == 0 {
			if ended {
				return
			}
			<-more
			continue
		}
		h.screenMu.Lock()
		n := 0
		if len(p) > 64<<10 {
			if n = h.screen.Skip(p); n == 0 {
				stuck = offset + 64<<10
			}
		}
		if n == 0 {
			n = min(len(p), 2<<10)
			h.screen.Write(p[:n])
		}
		h.painted += uint64(n)
		title := h.screen.Title()
		h.screenMu.Unlock()
		h.out.painted(offset + uint64(n))
		h.mu.Lock()
		if title != h.title {
			h.title = title
			h.tell(JSON(Title, map[string]string{"title": title}), true)
		}
		h.mu.Unlock()
	}
}

// reply is what the screen answers the child. It never blocks: a child that does
// not read its input gets no answers.
func (h *holder) reply(p []byte) {
	select {
	case h.input <- p:
	default:
	}
}

// typeIn writes input to the terminal, in order.
func (h *holder) typeIn() {
	for {
		select {
		case p := <-h.input:
			if _, err := h.tty.Write(p); err != nil {
				return
			}
		case <-h.done:
			return
		}
	}
}

// record appends to the spool. It runs on the live path too.
func (h *holder) record(r Record) {
	r.Output, r.Tail = h.secrets.whole(r.Output), h.secrets.whole(r.Tail)
	raw, err := json.Marshal(r)
	if err != nil {
		return
	}
	raw = h.secrets.json(raw)
	h.spoolMu.Lock()
	defer h.spoolMu.Unlock()
	if h.over || h.spooled > maxSpool {
		return
	}
	n, err := h.spool.Write(append(raw, '\n'))
	if err != nil {
		// A torn line would hide what comes after it.
		_ = h.spool.Truncate(int64(h.spooled))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spooled += uint64(n)
	h.tell(At(Spooled, h.spooled), true)
}

// end writes down how the child ended and lets every client go.
func (h *holder) end(exit ExitData) {
	h.marks.finish(-1)
	h.channels.close()
	h.lookAtLimits()
	h.record(Record{Kind: RecordExit, At: time.Now().UTC()})
	h.out.end()
	h.finished.Wait() // the screen has seen everything
	h.screenMu.Lock()
	paint := h.screen.Snapshot()
	h.screen.Close()
	h.screenMu.Unlock()
	h.mu.Lock()
	h.cast.finish(time.Now())
	h.cast.event("x", fmt.Sprint(exit.Code), time.Now())
	h.cast.close()
	last := snapshotFrame(h.painted, h.cols, h.rows, paint)
	h.mu.Unlock()
	h.spoolMu.Lock()
	h.over = true
	_ = h.spool.Sync()
	_ = h.spool.Close()
	h.spoolMu.Unlock()
	_ = writeFile(h.dir, screenFile, last.Payload, false)
	_ = writeJSON(h.dir, exitFile, exitRecord{exit, time.Now().UTC()}, false)
	h.mu.Lock()
	h.exit = &exit
	all := make([]*client, 0, len(h.clients))
	for _, c := range h.clients {
		all = append(all, c)
	}
	h.mu.Unlock()
	close(h.done)
	_ = h.tty.Close()
	patience := time.After(2 * time.Second)
	for _, c := range all {
		c.poke()
		select {
		case <-c.written:
		case <-patience:
		}
		_ = c.conn.Close()
	}
}

// signal sends a signal to the foreground of the terminal; END ends the session.
func (h *holder) signal(name string) {
	if name == "END" {
		// Hanging up is what a closed terminal does; attend sees the child end, and
		// what does not go by itself is killed then or here.
		go func() { // ends with the tree
			endTree(os.Getpid(), grace, func() {})
		}()
		return
	}
	s, ok := signals[name]
	if !ok {
		return
	}
	group := h.child
	if g, err := foreground(h.tty); err == nil && g > 0 {
		group = g
	}
	_ = syscall.Kill(-group, s)
}

var signals = map[string]syscall.Signal{
	"INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL,
}

// SignalNames are the signals that a session takes.
func SignalNames() []string { return []string{"INT", "QUIT", "TERM", "HUP", "KILL"} }

// resize gives the terminal a new size and every client a new picture.
func (h *holder) resize(cols, rows int) {
	cols, rows = Clamp(cols, rows)
	if cols == h.cols && rows == h.rows {
		return
	}
	h.cols, h.rows = cols, rows
	_ = pty.Setsize(h.tty, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
	h.out.mu.Lock()
	offset := h.out.head()
	h.resizes = append(h.resizes, resizeAt{offset, cols, rows})
	h.out.wake()
	h.out.mu.Unlock()
	h.cast.event("r", fmt.Sprintf("%dx%d", cols, rows), time.Now())
	for _, c := range h.clients {
		c.repaint, c.since = true, offset
		c.poke()
	}
}

// tell queues a control frame for every client, managers too when all.
func (h *holder) tell(f Frame, all bool) {
	for _, c := range h.clients {
		if all || c.role != Manager {
			c.queue(f)
		}
	}
}

// tellSize says who watches and whose size it is. h.mu is held.
func (h *holder) tellSize() {
	s := SizeData{Cols: h.cols, Rows: h.rows, Owner: h.owner, Watchers: []Watcher{}}
	for id, c := range h.clients {
		if c.role != Manager {
			s.Watchers = append(s.Watchers, Watcher{id, c.name, c.role, c.size.Visible})
		}
	}
	slices.SortFunc(s.Watchers, func(a, b Watcher) int { return a.Client - b.Client })
	h.tell(JSON(Size, s), true)
}
