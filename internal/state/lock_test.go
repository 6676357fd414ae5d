package state

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// TestMain makes the test a process that holds a lock and shows a run until it is killed, if
// it is started as one.
func TestMain(m *testing.M) {
	dir := os.Getenv("QSNAP_TEST_HOLD")
	if dir == "" {
		os.Exit(m.Run())
	}
	d, err := Open(dir, source(9), func() time.Time { return noon })
	if err == nil {
		_, err = d.LockRun("app")
	}
	if err == nil {
		_, err = d.Show(report.RunProgress{ID: "r1", Profile: "app", PID: os.Getpid(), Started: noon, Updated: noon})
	}
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
}

// hold starts a process that holds the lock of app and shows a run.
func hold(t *testing.T, d *Dir) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "QSNAP_TEST_HOLD="+d.path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "<nil>\n" || err != nil {
		t.Fatal(line, err)
	}
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

func TestALockNamesItsHolderAndEndsWithIt(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	other := hold(t, d)
	_, err := d.LockRun("app")
	busy, ok := errors.AsType[*Busy](err)
	if !ok || busy.PID != other.Process.Pid || !busy.Started.Equal(noon) {
		t.Errorf("%v", err)
	}
	if !strings.Contains(fmt.Sprint(err), fmt.Sprintf("a run of app is under way in process %d since 2026-11-30T12:00:00Z", other.Process.Pid)) {
		t.Error(err)
	}
	for _, name := range []string{"App", "web"} {
		l, err := d.LockRun(name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
	}
	kill(t, other)
	l, err := d.LockRun("app")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.LockRun("app"); err == nil {
		t.Error("two locks in one process")
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if l, err = d.LockRun("app"); err != nil {
		t.Fatal(err)
	}
	defer l.Release()
}

func TestALockOfAnyNameIsNoLockOfARun(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	for _, take := range []func(string) (*Lock, error){d.Lock, d.LockRun} {
		l, err := take("app")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
	}
}

func TestALockWhoseFileIsNonsenseStillLocks(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	l, err := d.Lock("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path("lock", "name-x"), []byte(strings.Repeat("{", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = d.Lock("x")
	if busy, ok := errors.AsType[*Busy](err); !ok || busy.PID != 0 || err.Error() != "x is under way in another process" {
		t.Error(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if l, err = d.Lock("x"); err != nil {
		t.Fatal(err)
	}
	defer l.Release()
}

func TestARunIsShownUntilItEndsAndADeadOneAsDead(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	if lives, err := d.Lives(); len(lives) != 0 || err != nil {
		t.Error(lives, err)
	}
	other := hold(t, d)
	mine := report.RunProgress{ID: "Mine", Profile: "web", Started: noon.Add(time.Minute), Step: "snapshot"}
	shown, err := d.Show(mine)
	if err != nil {
		t.Fatal(err)
	}
	mine.Done = 7
	if err := shown.Update(mine); err != nil {
		t.Fatal(err)
	}
	lives, err := d.Lives()
	if err != nil || len(lives) != 2 || lives[0].ID != "r1" || lives[0].Dead || lives[1].Dead || lives[1].Done != 7 || lives[1].MessageType != "run_progress" {
		t.Fatalf("%+v, %v", lives, err)
	}
	kill(t, other)
	if err := shown.End(); err != nil {
		t.Error(err)
	}
	lives, err = d.Lives()
	if err != nil || len(lives) != 1 || lives[0].ID != "r1" || !lives[0].Dead {
		t.Fatalf("%+v, %v", lives, err)
	}
	d.now = func() time.Time { return noon.Add(8 * 24 * time.Hour) }
	if shown, err = d.Show(mine); err != nil {
		t.Fatal(err)
	}
	if err := shown.End(); err != nil {
		t.Error(err)
	}
	if left, err := fs.Glob(os.DirFS(d.path), "live/*"); err != nil || len(left) != 0 {
		t.Error("a dead run is forgotten after a week:", left, err)
	}
}

func TestADamagedProgressIsNotShown(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	shown, err := d.Show(report.RunProgress{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer shown.End()
	if err := os.WriteFile(d.Path("live", "b.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if lives, err := d.Lives(); err != nil || len(lives) != 1 || lives[0].ID != "a" {
		t.Error(lives, err)
	}
}

// Whoever watches while runs begin and end sees none of them as dead.
func TestARunThatEndsIsNeverSeenAsDead(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	done := make(chan error, 1)
	go func() {
		for i := range 300 {
			shown, err := d.Show(report.RunProgress{ID: fmt.Sprint(i)})
			if err == nil {
				err = shown.End()
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		lives, err := d.Lives()
		for _, l := range lives {
			if l.Dead {
				t.Fatalf("run %s is seen as dead", l.ID)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
