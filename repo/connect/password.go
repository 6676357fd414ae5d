package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
)

// firstLine returns the first line of a text, which is a password.
func firstLine(text []byte, source string) (string, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", badConfig(fmt.Errorf("%s has no password in its first line", source))
	}
	return line, nil
}

func passwordInFile(name string) (string, error) {
	text, err := readNamed("password file", name)
	if err != nil {
		return "", badConfig(err)
	}
	return firstLine(text, name)
}

// passwordOfCommand runs a command line in a shell and returns the first line that it
// prints. It gets nothing on standard input, which may be data.
func passwordOfCommand(ctx context.Context, line string, stderr io.Writer) (string, error) {
	cmd := shell(ctx, line)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	if err != nil {
		return "", fmt.Errorf("password command %q: %w", line, err)
	}
	return firstLine(out, "the password command's output")
}

// shell returns a command line's command.
func shell(ctx context.Context, line string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", line)
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}
