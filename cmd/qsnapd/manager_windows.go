package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// underManager runs the service until Windows' service manager, or Ctrl-C, ends it.
func underManager(serve func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if managed, err := svc.IsWindowsService(); err != nil || !managed {
		return serve(ctx)
	}
	h := &handler{ctx: ctx, serve: serve}
	if err := svc.Run("qsnapd", h); err != nil {
		return err
	}
	return h.err
}

// A handler is the service as the service manager sees it.
type handler struct {
	ctx   context.Context
	serve func(context.Context) error
	err   error
}

// Execute runs the service and answers the service manager.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	ctx, stop := context.WithCancel(h.ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- h.serve(ctx) }()
	status <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case h.err = <-done:
			if h.err != nil {
				return true, 1
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending}
				stop()
			}
		}
	}
}

// onReload does nothing: "qsnap reload" asks by the control socket.
func onReload(chan os.Signal) (stop func()) { return func() {} }

// apart starts a child in a group of its own, with background priority.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.BELOW_NORMAL_PRIORITY_CLASS}
}

// endings are the signals that end a child's run.
var endings = []os.Signal{os.Interrupt}

// outliveService does nothing: here a child notices only that its writes fail.
func outliveService() {}
