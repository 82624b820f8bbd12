package simulator_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/simulator"
)

func fmtID(id int64) string { return strconv.FormatInt(id, 10) }

// child runs the simulator in a process of its own that can be killed.
type child struct {
	t     testing.TB
	dir   string
	speed string
	cmd   *exec.Cmd
}

// run starts the child and gives the address that it remembers.
func (c *child) run() string {
	c.t.Helper()
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), "SIMULATOR_TEST_DIR="+c.dir, "SIMULATOR_TEST_SPEED="+c.speed)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		c.t.Fatalf("the simulator's process does not listen: %v", err)
	}
	url = strings.TrimSpace(url)
	if remembered, err := os.ReadFile(filepath.Join(c.dir, "address")); err != nil || url != "http://"+string(remembered)+"/v1" {
		c.t.Fatalf("it listens on %s and remembers %s, %v", url, remembered, err)
	}
	return url
}

// kill ends the child as a power cut would.
func (c *child) kill() {
	c.t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

// TestKillLosesNothing kills the process while a server is being made; after
// the restart the address is the same, the server is there and its actions go
// on to their end.
func TestKillLosesNothing(t *testing.T) {
	c := &child{t: t, dir: t.TempDir(), speed: "30"}
	url := c.run()
	client := newClient(url, token)
	result := got[hcloud.ServerCreateResult](t)(client.Server.Create(t.Context(), hcloud.ServerCreateOpts{
		Name: "cp1", ServerType: &hcloud.ServerType{Name: "cpx22"}, Image: &hcloud.Image{Name: "ubuntu-24.04"}, UserData: "#cloud-config",
	}))
	c.kill()
	if again := c.run(); again != url {
		t.Errorf("after the restart the address is %s, before it was %s", again, url)
	}
	defer c.kill()
	if err := client.Action.WaitFor(t.Context(), append(result.NextActions, result.Action)...); err != nil {
		t.Fatal(err)
	}
	s := got[*hcloud.Server](t)(client.Server.GetByName(t.Context(), "cp1"))
	if s.ID != result.Server.ID || s.Status != hcloud.ServerStatusRunning || !s.PublicNet.IPv4.IP.Equal(result.Server.PublicNet.IPv4.IP) {
		t.Errorf("the server is not the one that was made: %+v", s)
	}
}

func TestOneSimulatorPerFolder(t *testing.T) {
	o := simulator.Options{Dir: t.TempDir()}
	c := start(t, o)
	if _, err := simulator.New(o); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second simulator on the folder: %v", err)
	}
	url := c.URL()
	c.stop()
	if again := start(t, o); again.URL() != url {
		t.Errorf("the address changed from %s to %s", url, again.URL())
	}
}

func TestDamagedProjectIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "project.json"), []byte(`{"servers":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := simulator.New(simulator.Options{Dir: dir}); err == nil {
		t.Error("a damaged project was opened")
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for name, o := range map[string]simulator.Options{
		"no folder": {}, "speed": {Dir: t.TempDir(), Speed: -1}, "token": {Dir: t.TempDir(), Token: "short"},
		"address": {Dir: t.TempDir(), Addr: "nowhere"},
		"price":   {Dir: t.TempDir(), Types: []simulator.ServerType{{Name: "x", Monthly: map[string]string{"hel1": "cheap"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := simulator.New(o); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("want Invalid, got %v", err)
			}
		})
	}
}
