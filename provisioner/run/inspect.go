package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// State is where a run is.
type State string

const (
	// Absent: nothing was started; starting it is safe.
	Absent State = "absent"
	// Running: a process of the run is alive.
	Running State = "running"
	// Finished: the command ended and Exit says how.
	Finished State = "finished"
	// Lost: the run began and no process of it is left, yet nobody wrote how it
	// ended. What it did to the cloud has to be found out; starting it again is
	// never safe.
	Lost State = "lost"
)

// Status is what the folder tells about a run.
type Status struct {
	State State
	// Exit is set when State is Finished.
	Exit Exit
}

// Inspect tells where the run in dir is. It never changes the folder.
func Inspect(dir string) (Status, error) {
	var exit Exit
	// The exit is looked at first: once it is written the run is over, whatever a
	// provider that is just going away still holds.
	if done, err := readJSON(dir, exitFile, &exit); done || err != nil {
		return Status{State: Finished, Exit: exit}, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{State: Absent}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("open the run's lock: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return Status{State: Running}, nil
		}
		return Status{}, fmt.Errorf("look at the run's lock: %w", err)
	}
	// It may have ended between the two looks.
	if done, err := readJSON(dir, exitFile, &exit); done || err != nil {
		return Status{State: Finished, Exit: exit}, err
	}
	if _, err := os.Stat(filepath.Join(dir, intentFile)); errors.Is(err, fs.ErrNotExist) {
		return Status{State: Absent}, nil
	} else if err != nil {
		return Status{}, fmt.Errorf("look at the run's intent: %w", err)
	}
	return Status{State: Lost}, nil
}

// Interrupt asks the run in dir to stop: the command gets SIGINT, saves its
// state and ends, or is killed after the order's grace. It returns at once.
// Interrupting a run that is over is no error; one that is on its way and
// cannot be told is, so try again.
func Interrupt(dir string) error {
	status, err := Inspect(dir)
	if err != nil || status.State != Running {
		return err
	}
	var runner, command Process
	if _, err := readJSON(dir, intentFile, &runner); err != nil {
		return err
	}
	if told, err := runner.signal(syscall.SIGINT); told || err != nil {
		return err
	}
	// The runner was killed and tofu lives on: tell tofu itself.
	if _, err := readJSON(dir, processFile, &command); err != nil {
		return err
	}
	told, err := command.signal(syscall.SIGINT)
	if !told && err == nil {
		err = errors.New("no process of the run could be told to stop")
	}
	return err
}

// Kill ends the run in dir at once, without saving anything. It is for the end
// of the grace when the runner itself is gone.
func Kill(dir string) error {
	var command Process
	if found, err := readJSON(dir, processFile, &command); err != nil || !found || !command.alive() {
		return err
	}
	// The command leads its own process group, providers included.
	if err := syscall.Kill(-command.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill the run: %w", err)
	}
	return nil
}

// Secrets gives the secret files that the run's order names, so that they can
// be removed when the runner could not.
func Secrets(dir string) ([]string, error) {
	var order Order
	_, err := readJSON(dir, orderFile, &order)
	return order.Remove, err
}
