package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/repo/report"
)

// clientVariable makes the test binary a client that prints what comes of its two requests.
const clientVariable = "QSNAP_TEST_CONTROL_CLIENT"

func TestMain(m *testing.M) {
	if state := os.Getenv(clientVariable); state != "" {
		c := client.New(state)
		_, err := c.Status(context.Background())
		fmt.Println("status:", err)
		fmt.Println("pause:", c.Pause(context.Background(), ""))
		return
	}
	os.Exit(m.Run())
}

// calls records which verbs were called.
type calls struct {
	mu  sync.Mutex
	log []string
}

func (c *calls) add(format string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf(format, args...))
	return nil
}

func verbs(c *calls) Verbs {
	named := func(verb string) func(string) error {
		return func(name string) error { return c.add("%s %q", verb, name) }
	}
	return Verbs{
		Status: func() report.Service {
			return report.Service{PID: 7, Queue: []report.Queued{{ID: "r1", Why: "it must"}}}
		},
		Log: func(ctx context.Context, name string, follow bool, to io.Writer) error {
			if name == "none" {
				return fmt.Errorf("run %q: %w", name, ErrUnknown)
			}
			fmt.Fprintf(to, "log of %s\n", name)
			if follow {
				<-ctx.Done()
			}
			return nil
		},
		Run: func(r client.Run) (report.RunRequested, error) {
			if r.Profile == "gone" {
				return report.RunRequested{}, errors.New("profile \"gone\" is gone")
			}
			return report.RunRequested{ID: "r2", Profile: r.Profile}, c.add("run %+v", r)
		},
		Move: func(m client.Change) error {
			return c.add("move %q %v %v", m.Name, m.First, m.Priority != nil && *m.Priority == 3)
		},
		Drop: named("drop"), Cancel: named("cancel"), Pause: named("pause"), Resume: named("resume"),
		Reload:   func() error { return c.add("reload") },
		LogLevel: func(l client.LogLevel) error { return c.add("level %q %q", l.Component, l.Level) },
	}
}

func serve(t *testing.T, group string) (state string, c *calls) {
	t.Helper()
	state, err := os.MkdirTemp("", "control") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	c = &calls{}
	s, err := Serve(Options{Path: filepath.Join(state, client.SocketName), Group: group, Log: slog.New(slog.DiscardHandler), Now: time.Now}, verbs(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return state, c
}

func TestEachVerbReachesTheService(t *testing.T) {
	state, c := serve(t, "")
	ctx := t.Context()
	q := client.New(state)
	s, err := q.Status(ctx)
	if err != nil || s.PID != 7 || len(s.Queue) != 1 || s.Queue[0].Why != "it must" {
		t.Errorf("%v, %v", s, err)
	}
	r, err := q.Run(ctx, client.Run{Profile: "app", Level: "full", Priority: 9})
	if err != nil || r.ID != "r2" || r.Profile != "app" {
		t.Errorf("%v, %v", r, err)
	}
	three := 3
	err = errors.Join(q.Move(ctx, client.Change{Name: "r1", First: true, Priority: &three}), q.Drop(ctx, "r1"), q.Cancel(ctx, "app"),
		q.Pause(ctx, ""), q.Resume(ctx, "app"), q.Reload(ctx), q.SetLogLevel(ctx, client.LogLevel{Component: "dispatch", Level: "debug"}))
	if err != nil {
		t.Error(err)
	}
	want := `run {Profile:app Level:full Priority:9 NoLimit:false}
move "r1" true true
drop "r1"
cancel "app"
pause ""
resume "app"
reload
level "dispatch" "debug"`
	if got := strings.Join(c.log, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestWhatTheServiceRefusesIsAnErrorWithItsText(t *testing.T) {
	state, _ := serve(t, "")
	q := client.New(state)
	if _, err := q.Run(t.Context(), client.Run{Profile: "gone"}); err == nil || err.Error() != `profile "gone" is gone` {
		t.Errorf("%v", err)
	}
	if err := q.Log(t.Context(), "none", false, io.Discard); err == nil || !strings.Contains(err.Error(), `run "none"`) {
		t.Errorf("%v", err)
	}
}

func TestALogIsSentAsItIsWritten(t *testing.T) {
	state, _ := serve(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- client.New(state).Log(ctx, "app", true, w) }()
	line := make([]byte, len("log of app\n"))
	if _, err := io.ReadFull(r, line); err != nil || string(line) != "log of app\n" {
		t.Errorf("%q, %v", line, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNoServiceIsAnErrorOfItsOwn(t *testing.T) {
	empty := t.TempDir()
	if _, err := client.Find(t.Context(), empty); !errors.Is(err, client.ErrNoService) {
		t.Errorf("%v", err)
	}
	left := t.TempDir() // a socket that a service left behind
	if err := syscall.Mknod(filepath.Join(left, client.SocketName), syscall.S_IFSOCK|0o600, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(left).Status(t.Context()); !errors.Is(err, client.ErrNoService) {
		t.Errorf("%v", err)
	}
	state, _ := serve(t, "")
	if c, err := client.Find(t.Context(), empty, left, state); err != nil || c == nil {
		t.Errorf("%v", err)
	}
}

func TestASocketThatWasLeftOverIsReplaced(t *testing.T) {
	state, _ := serve(t, "")
	s, err := Serve(Options{Path: filepath.Join(state, client.SocketName), Log: slog.New(slog.DiscardHandler), Now: time.Now}, verbs(&calls{}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := client.New(state).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// as runs the client as another user.
func as(t *testing.T, state string, uid uint32, groups ...uint32) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(t.TempDir(), "client")
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(there); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(there)
	cmd.Env = append(os.Environ(), clientVariable+"="+state)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: groups}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, bytes.TrimSpace(out))
	}
	return string(out)
}

func TestOnlyTheOwnerChangesAndOnlyTheGroupReads(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be several users")
	}
	g, err := user.LookupGroup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		t.Fatal(err)
	}
	state, c := serve(t, "daemon")
	if out := as(t, state, 65534, uint32(gid)); !strings.Contains(out, "status: <nil>") || !strings.Contains(out, "pause: only the owner") {
		t.Errorf("a member of the group: %s", out)
	}
	if out := as(t, state, 65534); strings.Count(out, "permission denied") != 2 {
		t.Errorf("somebody else: %s", out)
	}
	private, _ := serve(t, "")
	if err := os.Chmod(private, 0o755); err != nil { // even if the directory is open
		t.Fatal(err)
	}
	if out := as(t, private, 65534, uint32(gid)); strings.Count(out, "permission denied") != 2 {
		t.Errorf("without a group: %s", out)
	}
	if len(c.log) > 0 {
		t.Errorf("done: %q", c.log)
	}
}
