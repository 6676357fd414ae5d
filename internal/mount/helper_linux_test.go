package mount

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A mounted is a repository in memory that is mounted, with a clock of its own.
type mounted struct {
	*repo.Repo
	*Mount
	t      *testing.T
	target *targettest.Memory

	mu      sync.Mutex
	now     time.Time
	reports []string
}

// newRepo makes the repository; start mounts it.
func newRepo(t *testing.T) *mounted {
	t.Helper()
	m := &mounted{t: t, target: &targettest.Memory{}, now: noon}
	text, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := repo.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	o := repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir(), Now: m.clock}}
	if m.Repo, err = repo.Init(t.Context(), m.target, secret, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Repo.Close() })
	return m
}

func (m *mounted) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *mounted) wait(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func (m *mounted) reported() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reports)
}

func (m *mounted) snapshot(src repo.Source, o repo.SnapshotOptions) *snapshot.Manifest {
	m.t.Helper()
	taken, err := m.Repo.Snapshot(context.Background(), src, o)
	if err != nil && !errors.Is(err, repo.ErrIncomplete) {
		m.t.Fatal(err)
	}
	return taken
}

// start mounts the repository until the test ends. It skips the test where that can't
// be done at all, and fails it where it should work but doesn't.
func (m *mounted) start(o Options) {
	m.t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		m.t.Skipf("NOT TESTED: nothing can be mounted here: %v", err)
	} else {
		f.Close()
	}
	o.Now = m.clock
	o.Report = func(err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.reports = append(m.reports, err.Error())
	}
	var err error
	m.Mount, err = Start(m.t.Context(), m.Repo, m.t.TempDir(), o)
	if err != nil && os.Geteuid() != 0 {
		m.t.Skipf("NOT TESTED: this user can't mount: %v", err)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			m.t.Error(err, m.Detach())
		}
	})
}

func (m *mounted) path(name string) string { return filepath.Join(m.Dir(), name) }

// names returns the names in a directory of the mount.
func (m *mounted) names(dir string) []string {
	m.t.Helper()
	entries, err := os.ReadDir(m.path(dir))
	if err != nil {
		m.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func mountPoints(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// listed returns the names in a directory and the numbers it tells for them.
func listed(t *testing.T, d *os.File) map[string]uint64 {
	t.Helper()
	out := map[string]uint64{}
	for buf := make([]byte, 4096); ; {
		n, err := unix.Getdents(int(d.Fd()), buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return out
		}
		for b := buf[:n]; len(b) > 0; { // as in getdents(2)
			length := int(b[16]) | int(b[17])<<8
			name, _, _ := bytes.Cut(b[19:length], []byte{0})
			number := uint64(0)
			for i := range 8 {
				number |= uint64(b[i]) << (8 * i)
			}
			out[string(name)] = number
			b = b[length:]
		}
	}
}

// forget makes the kernel forget all names, and waits until the mount has, too.
func (m *mounted) forget() {
	m.t.Helper()
	for _, name := range []string{byTime, byID, byHost, byTag} {
		m.server.EntryNotify(1, name)
	}
	for deadline := time.Now().Add(20 * time.Second); len(m.top.Children()) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("%v are not forgotten", m.top.Children())
		}
	}
}
