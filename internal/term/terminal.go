package term

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a reader or writer is a terminal.
func IsTerminal(f any) bool {
	file, ok := f.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// ReadPassword reads a line from a terminal that doesn't show it.
func ReadPassword(terminal io.Reader) (string, error) {
	file, ok := terminal.(*os.File)
	if !ok {
		return "", errors.New("this is no terminal to type a password on")
	}
	b, err := term.ReadPassword(int(file.Fd()))
	if err == io.EOF {
		err = errors.New("no password was typed")
	}
	return string(b), err
}

// Settings returns a function that gives a terminal the settings back that it has now, such
// as that it shows what is typed. What is no terminal stays as it is.
func Settings(f *os.File) (restore func() error) {
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return func() error { return nil }
	}
	return func() error { return term.Restore(int(f.Fd()), state) }
}
