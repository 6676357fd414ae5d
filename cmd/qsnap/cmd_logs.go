package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/runlog"
	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) logsCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "logs",
		Usage:     "print the log of a run, of the newest run of a profile, or of the service",
		ArgsUsage: "[RUN | PROFILE]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "wait for more: until the run ends or, of the service, until Ctrl-C"},
			&cli.StringFlag{Name: "level", Usage: "let the service log at `LEVEL` until it reads its configuration again: debug, info, warn or error, or COMPONENT=LEVEL"},
		},
		Action: p.logs,
	})
}

func (p *program) logs(c *cli.Context) error {
	name, err := subjectOf(c)
	if err != nil {
		return err
	}
	s, err := p.service(c)
	if name != "" && errors.Is(err, client.ErrNoService) && c.String("level") == "" {
		return p.printed(name, func(to io.Writer) error { return p.logOnDisk(c.Context, name, to) })
	}
	if err != nil {
		return err
	}
	if text := c.String("level"); text != "" {
		l := client.LogLevel{Level: text}
		if component, level, one := strings.Cut(text, "="); one {
			l = client.LogLevel{Component: component, Level: level}
		}
		if err := s.SetLogLevel(c.Context, l); err != nil {
			return failed(err)
		}
		p.say("the service logs at %s", text)
		return nil
	}
	if c.Bool("follow") && name == "" {
		endsBySignal(c.Context)
	}
	err = p.printed(name, func(to io.Writer) error { return s.Log(c.Context, name, c.Bool("follow"), to) })
	if c.Context.Err() != nil {
		return nil
	}
	return err
}

// logOnDisk copies a log that the service has left.
func (p *program) logOnDisk(ctx context.Context, name string, to io.Writer) error {
	d, err := state.Default(p.getenv)
	if err != nil {
		return err
	}
	path, err := runlog.Find(filepath.Join(d, runlog.Dir), name)
	if err != nil {
		return err
	}
	return runlog.Copy(ctx, path, nil, to)
}

// printed prints a log that a function copies: that of a run for people, unless JSON is asked
// for, and that of the service as it is.
func (p *program) printed(name string, log func(to io.Writer) error) error {
	if p.json || name == "" {
		return failed(log(p.stdout))
	}
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.printLog(r)
	}()
	err := log(w)
	_ = w.Close() // which never fails
	<-ended
	return failed(err)
}

// printLog prints the lines of a run's log for people.
func (p *program) printLog(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 2<<20)
	for lines.Scan() {
		var l report.LogLine
		more := map[string]json.RawMessage{}
		if json.Unmarshal(lines.Bytes(), &l) != nil || json.Unmarshal(lines.Bytes(), &more) != nil {
			fmt.Fprintln(p.stdout, term.Printable(lines.Text()))
			continue
		}
		fmt.Fprintln(p.stdout, logText(l, more))
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long ends the log
}

// logText returns a line for people: the time, what it is about, and what else it says.
func logText(l report.LogLine, more map[string]json.RawMessage) string {
	text := l.Time.Local().Format(time.TimeOnly) + " "
	if l.Level != "INFO" {
		text += strings.ToLower(l.Level) + ": "
	}
	text += l.Message
	for _, name := range slices.Sorted(maps.Keys(more)) {
		var s string
		switch {
		case name == "time" || name == "level" || name == "msg":
			continue
		case json.Unmarshal(more[name], &s) != nil:
			s = string(more[name])
		case s == "" || s == "0001-01-01T00:00:00Z":
			continue
		}
		if name == l.Message || name == "text" {
			text += " " + s
		} else {
			text += " " + name + "=" + s
		}
	}
	return term.Printable(text)
}
