package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// A producer is a command line whose output becomes a snapshot. It is started at the
// first read.
type producer struct {
	cmd     *exec.Cmd
	line    string
	out     io.Reader
	started bool
	ended   bool
}

// producer returns the producer of a command line. Its shell ends with the first command that
// fails, and fails if any command in a pipe fails. Without such a shell, a line with a pipe is
// refused. The command gets no standard input.
func (p *program) producer(ctx context.Context, line string) (*producer, error) {
	return p.producerIn(ctx, strictShell(ctx), line)
}

// producerIn is producer with a given shell that fails if any command in a pipe fails, or
// with a plain one if shell is nil.
func (p *program) producerIn(ctx context.Context, shell []string, line string) (*producer, error) {
	piped, nested := pipes(line)
	switch {
	case len(shell) == 0 && piped == certain:
		return nil, usage(hint{fmt.Errorf("command %q: no shell here fails when a command before a | fails", line), "install bash, or let the command write to a file first"})
	case len(shell) == 0 && piped == perhaps:
		p.warn("warning: command %q: no shell here fails when a command before a | fails: install bash if the command has a |", line)
	}
	if nested {
		p.warn("warning: command %q: another shell may run the | in quotes, and may not fail when a command before the | does: begin the quoted command with \"set -o pipefail;\"", line)
	}
	if len(shell) == 0 {
		shell = plainShell
	}
	cmd := exec.CommandContext(ctx, shell[0], append(slices.Clone(shell[1:]), line)...)
	cmd.Stderr = p.stderr
	out, err := cmd.StdoutPipe()
	return &producer{cmd: cmd, line: line, out: out}, err
}

// plainShell runs a command line in a shell that every system has.
var plainShell = map[bool][]string{true: {"cmd", "/C"}, false: {"/bin/sh", "-e", "-c"}}[runtime.GOOS == "windows"]

// strictShell returns a shell that fails if any command in a pipe fails, or nil. Dash, for
// one, can't do that.
func strictShell(ctx context.Context) []string {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	for _, name := range []string{"bash", "/bin/bash", "/bin/sh", "sh"} {
		shell := []string{name, "-e", "-o", "pipefail", "-c"}
		err := exec.CommandContext(ctx, shell[0], append(slices.Clone(shell[1:]), "(exit 73) | :")...).Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 73 {
			return shell
		}
	}
	return nil
}

// Read implements io.Reader. It ends with io.EOF only if the command has succeeded.
func (r *producer) Read(b []byte) (int, error) {
	if !r.started {
		r.started = true
		if err := r.cmd.Start(); err != nil {
			r.ended = true
			return 0, fmt.Errorf("command %q: %w", r.line, err)
		}
	}
	n, err := r.out.Read(b)
	if err == io.EOF && !r.ended {
		r.ended = true
		if failed := r.cmd.Wait(); failed != nil {
			err = fmt.Errorf("command %q failed, so no snapshot was made: %w", r.line, failed)
			if exit, ok := errors.AsType[*exec.ExitError](failed); ok && exit.ExitCode() == endedByPipe {
				err = hint{err, "a command was still writing when the next one stopped reading; if that is intended, write (COMMAND || [ $? = 141 ]) | ..."}
			}
		}
	}
	return n, err
}

// endedByPipe is a shell's exit status for a command that SIGPIPE has ended.
const endedByPipe = 128 + 13

// stop ends a command that is still running.
func (r *producer) stop() error {
	if r.started && !r.ended {
		r.ended = true
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
	return nil
}

// explainEmpty adds what to do to an error about empty paths or a stream without a byte.
func explainEmpty(paths bool, command string, err error) error {
	if !errors.Is(err, repo.ErrEmptySource) {
		return err
	}
	if paths {
		return judged{hint{fmt.Errorf("%w; no snapshot was made", err), "use --allow-empty-source to take one anyway"}, err}
	}
	what := "standard input was empty, so no snapshot was made"
	if command != "" {
		what = fmt.Sprintf("command %q printed nothing, so no snapshot was made", command)
	}
	return judged{hint{errors.New(what), "use --allow-empty-source to take one anyway"}, err}
}

// A sureness says how sure it is that a command line has a pipe.
type sureness int

const (
	never sureness = iota
	perhaps
	certain
)

// pipes reports whether a command line has a pipe outside of quotes, and whether another
// shell may run one in quotes. Outside is perhaps where | may mean something else, as in case
// or in arithmetic.
func pipes(line string) (outside sureness, nested bool) {
	quoted, unquoted := false, false
	var quote byte
	var bare []byte // the line without what is quoted
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '\'' && c == '\'', quote == '"' && c == '"':
			quote = 0
		case c == '\\' && quote != '\'':
			i++
		case quote != 0:
			quoted = quoted || c == '|'
			continue
		case c == '\'' || c == '"':
			quote = c
		case strings.HasPrefix(line[i:], "${"):
			if end := strings.IndexByte(line[i:], '}'); end >= 0 && !strings.Contains(line[i:i+end], "$(") {
				i += end
			}
		case c == '#' && (i == 0 || strings.IndexByte(" \t\n;&|(", line[i-1]) >= 0):
			if end := strings.IndexByte(line[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(line)
			}
		case c == '|' && i+1 < len(line) && line[i+1] == '|': // ||, an or
			i++
		case c == '|' && i > 0 && line[i-1] == '>': // >|, a redirection
		case c == '|':
			unquoted = true
		}
		bare = append(bare, c)
	}
	words := strings.FieldsFunc(string(bare), notInNames)
	doubtful := slices.Contains(words, "case") || slices.ContainsFunc([]string{"((", "<<", "[["}, func(s string) bool { return bytes.Contains(bare, []byte(s)) })
	substituted := quoted && (strings.Contains(line, "$(") || strings.Contains(line, "`"))
	switch {
	case unquoted && !doubtful:
		outside = certain
	case unquoted, substituted, quote != 0 && quoted:
		outside = perhaps
	}
	return outside, quoted && !strings.Contains(line, "pipefail") && slices.ContainsFunc(words, runsLines)
}

func notInNames(r rune) bool { return strings.ContainsRune(" \t\n;&|()'\"`", r) }

// runsLines reports whether a command may run its arguments in a shell.
func runsLines(word string) bool {
	word = word[strings.LastIndexByte(word, '/')+1:]
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh", "eval", "ssh", "su"}, word)
}
