package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// terminal returns the two ends of a terminal: what a person sees and types, and what
// a program has.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// confirming runs a command that asks, and returns whether it was done.
func confirming(t *testing.T, p *program, args ...string) (agreed bool, code int) {
	ask := p.command(&cli.Command{Name: "ask", Flags: []cli.Flag{yesFlag()}, Action: func(c *cli.Context) error {
		if err := p.confirm(c, "3 files would be deleted"); err != nil {
			return err
		}
		agreed = true
		return nil
	}})
	app := p.app()
	app.Commands = []*cli.Command{ask}
	return agreed, p.end(t.Context(), app.RunContext(t.Context(), append([]string{"qsnap"}, args...)))
}

func TestWhatNeedsAYesIsAskedOnATerminalOnly(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "yesterday\n": false, "\x04": false} {
		person, theirs := terminal(t)
		if _, err := io.WriteString(person, typed); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		p := &program{stdin: theirs, stdout: io.Discard, stderr: &said, getenv: os.Getenv}
		agreed, code := confirming(t, p, "ask")
		if agreed != want || (code == exitOK) != want || !want && code != exitNeedsYes {
			t.Errorf("%q: agreed %v, code %d", typed, agreed, code)
		}
		if !strings.HasPrefix(said.String(), "3 files would be deleted\nContinue? [y/N] ") || want == strings.Contains(said.String(), "nothing was done") {
			t.Errorf("%q: %q", typed, said.String())
		}
	}
	for _, c := range []struct {
		args []string
		want int
		said string
	}{
		{[]string{"ask"}, exitNeedsYes, "3 files would be deleted\nqsnap: this needs --yes: nothing was done\n"},
		{[]string{"--json", "ask"}, exitNeedsYes, `{"message_type":"exit_error","code":9,"kind":"needs-yes","message":"this needs --yes: nothing was done"}` + "\n"},
		{[]string{"ask", "--yes"}, exitOK, ""},
		{[]string{"ask", "-y"}, exitOK, ""},
		{[]string{"ask", "--yes=false"}, exitNeedsYes, "3 files would be deleted\nqsnap: this needs --yes: nothing was done\n"},
	} {
		var said bytes.Buffer
		p := &program{stdin: strings.NewReader("y\n"), stdout: io.Discard, stderr: &said, getenv: os.Getenv}
		if agreed, code := confirming(t, p, c.args...); code != c.want || agreed != (code == exitOK) || said.String() != c.said {
			t.Errorf("%q: %v, %d, %q", c.args, agreed, code, said.String())
		}
	}
}
