package main

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo/report"
)

func TestAServiceRunsWhatIsDueAndWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
  app:
    repo: ROOT/repo
    schedule: {every: 1h, jitter: 0s}
  hand:
    repo: ROOT/other
`)
	service := h.serve()
	h.await("the missed slot is caught up", func() bool { return len(h.records("app")) == 1 })
	run, err := h.client().Run(t.Context(), client.Run{Profile: "hand", Level: "full", Priority: 9})
	if err != nil {
		t.Fatal(err)
	}
	h.await("the run by hand has ended", func() bool { return len(h.records("hand")) == 1 })
	app, hand := h.records("app")[0], h.records("hand")[0]
	if app.Trigger == report.ByHand || app.Slot.IsZero() || app.Snapshot == nil || app.Due.IsZero() {
		t.Errorf("%+v", app)
	}
	if hand.ID != run.ID || hand.Trigger != report.ByHand || hand.Priority != 9 || hand.Level != "full" || hand.Snapshot == nil {
		t.Errorf("%+v", hand)
	}
	var log strings.Builder
	if err := h.client().Log(t.Context(), "app", true, &log); err != nil || !strings.Contains(log.String(), `"step":"snapshot"`) {
		t.Errorf("%v: %s", err, log.String())
	}
	if err := h.client().Log(t.Context(), "", false, &log); err != nil || !strings.Contains(log.String(), "a run starts") {
		t.Errorf("%v: %s", err, log.String())
	}
	if err := h.client().Log(t.Context(), "nobody", false, &log); err == nil {
		t.Error("there is a log of nobody")
	}
	if code := h.end(service); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if _, err := h.client().Status(context.Background()); err == nil {
		t.Error("the socket answers after the end")
	}
}

func TestASecondServiceIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	h := newHost(t, "")
	first := h.serve()
	out, err := h.command().CombinedOutput()
	if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "another qsnapd runs") {
		t.Errorf("%v: %s", err, out)
	}
	if h.status().PID != first.Process.Pid {
		t.Error("the first one is gone")
	}
}

func TestAServiceWithoutASocketRunsItsProfiles(t *testing.T) {
	t.Parallel()
	h := newHost(t, "  app: {repo: ROOT/repo, schedule: {every: 1h}}\nservice: {socket: {group: no-such-group}}\n")
	service := h.serve()
	h.await("the missed slot is caught up", func() bool { return len(h.records("app")) == 1 })
	if code := h.end(service); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
}

func TestAReloadTakesTheNewConfigurationAndDropsNoRun(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
  slow:
    repo: ROOT/repo
    schedule: {every: 1h}
    hooks: {before: [{shell: "touch ROOT/began; while [ ! -e ROOT/go ]; do sleep 0.05; done"}]}
`)
	service := h.serve()
	h.await("the hook runs", func() bool { return h.exists("began") })
	h.configure("  new: {repo: ROOT/new, schedule: {every: 1h}}\n") // "slow" is removed while it runs
	if err := service.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	h.await("the new profile has had a run", func() bool { return len(h.records("new")) == 1 && len(h.status().Running) == 1 })
	if s := h.status(); len(s.Profiles) != 1 || len(s.Running) != 1 || s.Running[0].Profile != "slow" || s.Running[0].Step == "" {
		t.Errorf("%+v", s)
	}
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	const lowest = 1                       // as the system call counts
	for _, r := range h.status().Running { // the child gives way, the service doesn't
		for pid, want := range map[int]int{r.PID: lowest, service.Process.Pid: own} {
			if got, err := syscall.Getpriority(syscall.PRIO_PROCESS, pid); err != nil || got != want {
				t.Errorf("process %d has the nice value %d, not %d: %v", pid, 20-got, 20-want, err)
			}
		}
	}
	h.write("go", "")
	h.await("the run of the removed profile has ended", func() bool { return len(h.records("slow")) == 1 })
	if r := h.records("slow")[0]; r.Code != exit.OK || r.Snapshot == nil {
		t.Errorf("%+v", r)
	}

	h.write("config.yaml", "profiles: [") // a broken one changes nothing
	if err := h.client().Reload(t.Context()); err == nil {
		t.Error("a broken configuration was read")
	}
	if s := h.status(); len(s.Profiles) != 1 {
		t.Errorf("%+v", s.Profiles)
	}
}

func TestAHookThatNeverEndsIsCancelled(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
  stuck:
    repo: ROOT/repo
    schedule: {every: 1h}
    hooks: {before: [{shell: "touch ROOT/began; sleep 1000", required: true}], after: [{shell: "touch ROOT/after"}]}
`)
	h.serve()
	h.await("the hook runs", func() bool { return h.exists("began") })
	if err := h.client().Cancel(t.Context(), "stuck"); err != nil {
		t.Fatal(err)
	}
	h.await("the run has ended", func() bool { return len(h.records("stuck")) == 1 && len(h.status().Running) == 0 })
	if r := h.records("stuck")[0]; r.Code != exit.Interrupted || !h.exists("after") {
		t.Errorf("%+v, after: %v", r, h.exists("after"))
	}
	if s := h.status(); len(s.Queue) != 0 {
		t.Errorf("what was cancelled is wanted again: %+v", s.Queue)
	}
}

func TestAKilledServiceLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
  slow:
    repo: ROOT/repo
    schedule: {every: 1h}
    hooks: {before: [{shell: "echo >>ROOT/began; while [ ! -e ROOT/go ]; do sleep 0.05; done"}]}
  hand:
    repo: ROOT/repo
`)
	service := h.serve()
	h.await("the hook runs", func() bool { return h.exists("began") })
	if _, err := h.client().Run(t.Context(), client.Run{Profile: "hand"}); err != nil { // it waits: the repository has a run
		t.Fatal(err)
	}
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = service.Wait()
	h.serve() // while the child of the first one goes on
	h.await("the request by hand is done", func() bool { h.write("go", ""); return len(h.records("hand")) == 1 })
	h.await("the run of the killed service is done", func() bool { return len(h.records("slow")) > 0 })
	if v := h.versions("slow"); len(v) != 2 {
		t.Errorf("%d versions of two profiles", len(v))
	}
	if r := h.records("slow"); len(r) != 1 || r[0].Snapshot == nil {
		t.Errorf("%+v", r)
	}
}

func TestLogLevelsOfComponentsChangeWhileTheServiceRuns(t *testing.T) {
	l := newLevels()
	var out strings.Builder
	log := l.logger(&out, false)
	dispatch := log.With("component", "dispatch")
	if err := l.set("warn", map[string]string{"dispatch": "debug"}, "info,control=error"); err != nil {
		t.Fatal(err)
	}
	log.Debug("1")
	log.Info("2")
	dispatch.Debug("3")
	log.With("component", "control").Warn("4")
	if err := l.change("dispatch", "error"); err != nil {
		t.Fatal(err)
	}
	dispatch.Warn("5")
	for _, bad := range []string{"loud", "dispatch=loud"} {
		if err := l.set("", nil, bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, after, _ := strings.Cut(line, "msg=")
		got = append(got, after[:1])
	}
	if strings.Join(got, " ") != "2 3" {
		t.Errorf("%q", got)
	}
}
