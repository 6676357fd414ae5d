package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/mount"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) mountCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "mount",
		Usage:     "mount the snapshots as directories, until stopped",
		ArgsUsage: "DIR",
		Description: "Any program can then read all versions side by side below DIR, which must be empty:\n" +
			"snapshots/TIME, ids/ID, hosts/HOST/TIME and tags/TAG/TIME, each with a link \"latest\" to\n" +
			"the newest. Nothing can be written. New snapshots appear as they are made.\n\n" +
			"The command runs until Ctrl-C or \"umount DIR\". It names the programs that still use a\n" +
			"file then, and waits for them; a second Ctrl-C does not wait. It works on Linux and,\n" +
			"with macFUSE, on macOS; users other than root need fusermount3, from the package fuse3.",
		Flags: append(selectFlags(),
			&cli.BoolFlag{Name: "allow-other", Usage: "let other users read, as far as the captured modes allow"}),
		Action: p.mount,
	})
}

// mountMemory is the memory in which a mount caches what was read: enough for about twenty
// programs that each read a directory of their own.
const mountMemory = 64 << 20

func (p *program) mount(c *cli.Context) error {
	dir, err := oneArgument(c, "DIR, an empty directory to mount on")
	if err != nil {
		return err
	}
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	p.cacheMemory = mountMemory
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	s, err := p.selection(c, r)
	if err != nil {
		return err
	}
	m, err := mount.Start(c.Context, r, dir, mount.Options{
		Filter: s, AllowOther: c.Bool("allow-other"), Source: "qsnap:" + at.shown,
		Report: func(err error) { p.reportMountError("reading", err) },
	})
	if err != nil {
		return err
	}
	_, _ = p.latest(c, r, s) // only to say which it is: a mount can be empty
	endsBySignal(c.Context)
	if err := p.showMount(m); err != nil {
		return errors.Join(err, m.Unmount())
	}
	select {
	case <-m.Done():
		p.say("%s was unmounted", p.path(m.Dir()))
		return nil
	case <-c.Context.Done():
		return p.unmount(m)
	}
}

func (p *program) showMount(m *mount.Mount) error {
	if p.json {
		return p.emit(report.NewMounted(m.Dir(), m.Snapshots()))
	}
	p.say("mounted %s on %s: Ctrl-C unmounts", term.Plural(m.Snapshots(), "snapshot", "snapshots"), p.path(m.Dir()))
	return nil
}

// unmount unmounts the directory. If programs still use it, it refuses new uses at once, and
// waits for those programs.
func (p *program) unmount(m *mount.Mount) error {
	err := m.Unmount()
	if busy, ok := errors.AsType[*mount.BusyError](err); ok {
		if err = m.Detach(); err == nil {
			p.reportMountError("unmounting", fmt.Errorf("%w: unmounted for everyone else; qsnap ends when these programs do, or now with Ctrl-C", busy))
			<-m.Done()
		}
	}
	if err == nil {
		p.say("unmounted %s", p.path(m.Dir()))
	}
	return err
}

// reportMountError reports an error that doesn't end the mount.
func (p *program) reportMountError(during string, err error) {
	if p.json {
		_ = p.emit(report.NewError(err, during, ""))
		return
	}
	p.warn("%s", term.OneLine(err))
}
