package hook

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// The bounds of a hook.
const (
	DefaultTimeout = 10 * time.Minute
	// grace is how long a hook may take to end after it was asked to.
	grace = 5 * time.Second
	// linger is how long output is awaited after the process has ended, from those to whom it
	// has left its output.
	linger = 500 * time.Millisecond
)

// ErrTimeout means that a hook was ended because it took too long.
var ErrTimeout = errors.New("it took too long and was ended")

// A Command says what a hook runs: a program with its arguments, or a line for a shell.
type Command struct {
	Args  []string `json:"args,omitempty"`
	Shell string   `json:"shell,omitempty"`
	// Timeout is how long it may take: DefaultTimeout if zero.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// IsZero reports whether there is nothing to run.
func (c Command) IsZero() bool { return len(c.Args) == 0 && c.Shell == "" }

// String returns the command in one line.
func (c Command) String() string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Args, " ")
}

// words returns the program and its arguments.
func (c Command) words() []string {
	if c.Shell != "" {
		return append(slices.Clone(shell), c.Shell)
	}
	return c.Args
}

// shell runs a line, and ends with the first command that fails.
var shell = map[bool][]string{true: {"cmd", "/C"}, false: {"/bin/sh", "-e", "-c"}}[runtime.GOOS == "windows"]

// Find returns an error if the program isn't there.
func (c Command) Find() error {
	if c.IsZero() {
		return errors.New("the hook names no command")
	}
	_, err := exec.LookPath(c.words()[0])
	return err
}

// A Call is what a hook is given.
type Call struct {
	Env   []string // the whole environment: see Environment
	Input []byte   // on standard input
	// Start starts the process: it gives back what the run has taken from itself, such as its
	// priority. Nil just starts it.
	Start func(*exec.Cmd) error
}

// A Result is what became of a hook.
type Result struct {
	Code   int    // the exit code; -1 if the hook did not start, or a signal ended it
	Output string // the end of what it printed
	Lost   int64  // bytes that it printed before that
}

// Run runs a hook until its process ends. An error says that the hook did not start, failed,
// or was ended: ErrTimeout, or the cause of the context.
func (c Command) Run(ctx context.Context, call Call) (Result, error) {
	if c.IsZero() {
		return Result{Code: -1}, errors.New("the hook names no command")
	}
	limit := c.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, stop := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w, after %s", ErrTimeout, limit))
	defer stop()
	if ctx.Err() != nil {
		return Result{Code: -1}, context.Cause(ctx)
	}
	words := c.words()
	printed := &tail{}
	cmd := exec.Command(words[0], words[1:]...) // the context ends the whole group
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = call.Env, strings.NewReader(string(call.Input)), printed, printed
	cmd.WaitDelay = linger
	ownGroup(cmd)
	start := call.Start
	if start == nil {
		start = (*exec.Cmd).Start
	}
	if err := start(cmd); err != nil {
		return Result{Code: -1}, err
	}
	ended := make(chan struct{})
	stopped := make(chan bool)
	go func() { stopped <- endWith(ctx, cmd, ended) }()
	err := cmd.Wait()
	close(ended)
	text, lost := printed.end()
	out := Result{cmd.ProcessState.ExitCode(), text, lost}
	if <-stopped {
		return out, context.Cause(ctx)
	}
	return out, failure(cmd, err)
}

// failure returns the error of a process that ended by itself. Who holds its output, or did
// not read all input, doesn't matter.
func failure(cmd *exec.Cmd, err error) error {
	if cmd.ProcessState.Success() {
		return nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return fmt.Errorf("exit code %d", exit.ExitCode())
	}
	return errors.New(cmd.ProcessState.String())
}

// endWith ends a process and its group if the context ends before it: first it asks, then it
// kills. It reports whether it had to.
func endWith(ctx context.Context, cmd *exec.Cmd, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	case <-ctx.Done():
	}
	ask(cmd)
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
	kill(cmd)
	<-ended
	return true
}
