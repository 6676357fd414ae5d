//go:build !windows

package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// underManager runs the service until a signal ends it.
func underManager(serve func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return serve(ctx)
}

// onReload sends to a channel when the configuration is to be read again.
func onReload(c chan os.Signal) (stop func()) {
	signal.Notify(c, syscall.SIGHUP)
	return func() { signal.Stop(c) }
}

// apart starts a child in a group of its own, so that what is typed at the service's terminal
// doesn't reach it.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endings are the signals that end a child's run.
var endings = []os.Signal{os.Interrupt, syscall.SIGTERM}

// outliveService lets a child go on when nobody reads what it says.
func outliveService() { signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) }
