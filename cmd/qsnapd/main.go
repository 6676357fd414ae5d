// Command qsnapd is the service of a host: it runs all profiles of the configuration when
// they are due.
//
// It does nothing that "qsnap run" would not do, and each run is a process of its own. What
// must stay true: killing the service at any moment loses no run and doubles none.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job/profile"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		os.Exit(runChild(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// settings are what the command line and the environment say.
type settings struct {
	config   string // as in --config
	state    string // the state directory
	logLevel string // none: as the configuration says
	logJSON  bool
	version  bool
	unit     bool
}

const usage = `Usage: qsnapd [flags]

Runs all profiles of the configuration when they are due, until SIGTERM ends it.
SIGHUP makes it read the configuration again. "qsnap queue", "qsnap run-now" and
"qsnap status" talk to it.

Flags:
`

func parse(args []string, stderr io.Writer) (s settings, err error) {
	f := flag.NewFlagSet("qsnapd", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	f.StringVar(&s.config, "config", "", "read the configuration in `FILE` [$"+profile.Variable+"]")
	f.StringVar(&s.state, "state", "", "keep the state in `DIR` [$STATE_DIRECTORY, /var/lib/qsnap for root, else ~/.local/state/qsnap]")
	f.StringVar(&s.logLevel, "log-level", "", "log at `LEVEL`: debug, info, warn or error, or COMPONENT=LEVEL; several are separated by commas")
	f.BoolVar(&s.logJSON, "log-json", false, "log as JSON")
	f.BoolVar(&s.unit, "print-unit", false, "print a systemd unit: root puts it into /etc/systemd/system/qsnapd.service, others into ~/.config/systemd/user/qsnapd.service")
	f.BoolVar(&s.version, "version", false, "print the version")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%q: qsnapd takes only flags", f.Arg(0))
	}
	if s.state == "" {
		if s.state, err = state.Default(os.Getenv); err != nil {
			return s, err
		}
	}
	s.state, err = filepath.Abs(s.state)
	return s, err
}

// run runs the service and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exit.OK
	case err == nil && s.version:
		fmt.Fprintf(stdout, "qsnapd %s\n", repo.Version)
		return exit.OK
	case err == nil && s.unit:
		var text string
		if text, err = ownUnit(); err == nil {
			fmt.Fprint(stdout, text)
		}
	case err == nil:
		err = underManager(func(ctx context.Context) error { return serve(ctx, s, stderr) })
	default:
		err = exit.As(err, exit.ErrUsage)
	}
	if err != nil {
		fmt.Fprintf(stderr, "qsnapd: %s\n", term.OneLine(err))
	}
	return exit.Of(err, true).Code
}

// busy explains that another service runs.
func busy(dir string, b *state.Busy) error {
	return exit.As(fmt.Errorf("another qsnapd runs with the state directory %s%s", dir, cmp.Or(processOf(b), "")), exit.ErrRunning)
}

func processOf(b *state.Busy) string {
	if b.PID == 0 {
		return ""
	}
	return fmt.Sprintf(": process %d, since %s", b.PID, term.LocalTime(b.Started))
}
