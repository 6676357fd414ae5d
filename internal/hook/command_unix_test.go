//go:build unix

package hook

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAHookGetsItsEnvironmentAndStandardInput(t *testing.T) {
	c := Command{Shell: `cat; echo "$QSNAP_PROFILE:$QSNAP_PASSWORD"`}
	env := Environment([]string{"PATH=" + os.Getenv("PATH"), "QSNAP_PASSWORD=secret"}, Variable{"QSNAP_PROFILE", "app"})
	got, err := c.Run(t.Context(), Call{Env: env, Input: []byte(`{"id":1} `)})
	if err != nil || got.Output != "{\"id\":1} app:\n" || got.Code != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNoShellReadsAProgramAndItsArguments(t *testing.T) {
	got, err := Command{Args: []string{"echo", "$HOME; false"}}.Run(t.Context(), Call{})
	if err != nil || got.Output != "$HOME; false\n" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestALineForTheShellEndsWithTheFirstCommandThatFails(t *testing.T) {
	got, err := Command{Shell: "false\necho on"}.Run(t.Context(), Call{})
	if err == nil || got.Output != "" || got.Code != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheExitCodeOrTheSignalOfAHookIsReported(t *testing.T) {
	got, err := Command{Shell: "echo no room >&2; exit 7"}.Run(t.Context(), Call{})
	if err == nil || err.Error() != "exit code 7" || got.Code != 7 || got.Output != "no room\n" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = Command{Shell: "kill -9 $$"}.Run(t.Context(), Call{})
	if err == nil || !strings.Contains(err.Error(), "killed") || got.Code != -1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAHookThatIsNotThereIsAnError(t *testing.T) {
	c := Command{Args: []string{filepath.Join(t.TempDir(), "gone")}}
	if got, err := c.Run(t.Context(), Call{}); err == nil || got.Code != -1 {
		t.Errorf("%+v, %v", got, err)
	}
	if c.Find() == nil {
		t.Error("Find finds it")
	}
	if _, err := (Command{}).Run(t.Context(), Call{}); err == nil {
		t.Error("a hook without a command runs")
	}
}

// The child of a hook keeps its output for an hour.
func TestAHookHasEndedWhenItsProcessHas(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	begun := time.Now()
	got, err := Command{Shell: "sleep 3600 & echo $! >" + pid + "; echo started"}.Run(t.Context(), Call{})
	if err != nil || got.Output != "started\n" {
		t.Errorf("%+v, %v", got, err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	child := childIn(t, pid)
	if err := syscall.Kill(child, 0); err != nil {
		t.Errorf("what the hook has started was ended, too: %v", err)
	}
	_ = syscall.Kill(child, syscall.SIGKILL)
}

func childIn(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestAHookThatNeverEndsIsEndedWithItsChildren(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	c := Command{Shell: "echo begun; (trap '' TERM; sleep 3600) & echo $! >" + pid + "; wait", Timeout: 300 * time.Millisecond}
	got, err := c.Run(t.Context(), Call{})
	if !errors.Is(err, ErrTimeout) || got.Output != "begun\n" {
		t.Errorf("%+v, %v", got, err)
	}
	if gone := waitGone(childIn(t, pid)); !gone {
		t.Error("a child goes on")
	}
}

// waitGone reports whether a process ends within ten seconds, or is only waiting to be
// noticed by its parent.
func waitGone(pid int) bool {
	for range 100 {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(status), ") Z ") {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

func TestAHookEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	c := Command{Shell: "echo; sleep 3600"}
	call := Call{Start: func(cmd *exec.Cmd) error {
		out := cmd.Stdout
		cmd.Stdout = writer(func(b []byte) (int, error) { stop(errors.New("enough")); return out.Write(b) })
		return cmd.Start()
	}}
	if _, err := c.Run(ctx, call); err == nil || err.Error() != "enough" {
		t.Errorf("%v", err)
	}
	if _, err := c.Run(ctx, Call{}); err == nil || err.Error() != "enough" {
		t.Errorf("after that: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestOnlyTheEndOfAGigabyteIsKept(t *testing.T) {
	const size = 1 << 30
	got, err := Command{Shell: "head -c 1073741824 /dev/zero | tr '\\0' x; echo the end"}.Run(t.Context(), Call{})
	if err != nil || len(got.Output) != kept || !strings.HasSuffix(got.Output, "x"+"the end\n") {
		t.Errorf("%d bytes, %v", len(got.Output), err)
	}
	if want := int64(size + len("the end\n") - kept); got.Lost != want {
		t.Errorf("%d bytes are lost, want %d", got.Lost, want)
	}
}

func TestAHookNeedNotReadItsInput(t *testing.T) {
	got, err := Command{Shell: "exec <&-; echo done"}.Run(t.Context(), Call{Input: make([]byte, 1<<20)})
	if err != nil || got.Output != "done\n" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheCallerStartsTheProcess(t *testing.T) {
	got, err := Command{Args: []string{"pwd"}}.Run(t.Context(), Call{Start: func(c *exec.Cmd) error { c.Dir = "/"; return c.Start() }})
	if err != nil || got.Output != "/\n" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheCallerMayStartTheProcessItself(t *testing.T) {
	started := 0
	got, err := Command{Args: []string{"echo", "done"}}.Run(t.Context(), Call{Start: func(cmd *exec.Cmd) error {
		started++
		return cmd.Start()
	}})
	if err != nil || started != 1 || got.Output != "done\n" {
		t.Errorf("started %d times: %q, %v", started, got.Output, err)
	}
	if _, err := (Command{Args: []string{"echo"}}).Run(t.Context(), Call{Start: func(*exec.Cmd) error { return errors.New("not now") }}); err == nil || err.Error() != "not now" {
		t.Errorf("a process that was not started: %v", err)
	}
}
