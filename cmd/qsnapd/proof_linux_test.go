package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/job"
	"github.com/qsnap/qsnap/repo/job/profile"
	"github.com/qsnap/qsnap/repo/report"
)

// number returns a number from the environment.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

const tenSeconds = `
  app:
    repo: ROOT/repo
    schedule: {every: 10s}
    retention: {keep-last: 5}
`

// change keeps changing the source until ctx ends. Each file names the hash of the rest of it.
func (h *host) change(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		text := strings.Repeat(fmt.Sprint("version ", i, "\n"), 1+i%2000)
		text = fmt.Sprintf("%x\n%s", sha256.Sum256([]byte(text)), text)
		name := h.path(fmt.Sprintf("src/d%d/f%d", i%5, i%37))
		_ = os.MkdirAll(filepath.Dir(name), 0o755)
		if os.WriteFile(name+".new", []byte(text), 0o600) == nil {
			_ = os.Rename(name+".new", name)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// restoreAll restores all versions of a profile, and checks their files.
func (h *host) restoreAll(name string) (slots []time.Time) {
	h.Helper()
	r := h.open(name)
	defer r.Close()
	versions, err := r.Snapshots(h.Context(), repo.Filter{Profile: name})
	if err != nil {
		h.Fatal(err)
	}
	for i, m := range versions {
		to := h.path(fmt.Sprintf("out%d", i))
		if _, err := r.Restore(h.Context(), m, repo.RestoreOptions{To: to}); err != nil {
			h.Errorf("version %s: %v", m.ID.Short(), err)
		}
		files := 0
		err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "file" || strings.HasSuffix(path, ".new") {
				return err
			}
			text, err := os.ReadFile(path)
			hash, rest, _ := strings.Cut(string(text), "\n")
			if hash != fmt.Sprintf("%x", sha256.Sum256([]byte(rest))) {
				h.Errorf("version %s: %s is not as it ever was", m.ID.Short(), path)
			}
			files++
			return err
		})
		if err != nil || i > 0 && files == 0 {
			h.Errorf("version %s: %d files, %v", m.ID.Short(), files, err)
		}
		if err := os.RemoveAll(to); err != nil {
			h.Fatal(err)
		}
		slots = append(slots, m.Job.Slot)
	}
	slices.SortFunc(slots, time.Time.Compare)
	return slots
}

// bySlot returns the runs that made a version, by slot, and checks that no slot has two.
func (h *host) bySlot(name string) map[time.Time]report.Run {
	h.Helper()
	made := map[time.Time]report.Run{}
	for _, r := range h.records(name) {
		if r.Snapshot == nil || r.Trigger == report.ByHand {
			continue
		}
		if other, twice := made[r.Slot.UTC()]; twice {
			h.Errorf("slot %v has the versions %s and %s", r.Slot, other.Snapshot.ID.Short(), r.Snapshot.ID.Short())
		}
		made[r.Slot.UTC()] = r
	}
	return made
}

// Every slot has one version while the service runs, with a cron line for each third slot of
// the same profile beside it, and the newest five stay and restore.
func TestEverySlotHasOneVersionThatRestores(t *testing.T) {
	t.Parallel()
	seconds := number(t, "QSNAP_SERVICE_SECONDS", 11)
	h := newHost(t, tenSeconds)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { h.change(ctx) })
	begin := time.Now()
	service := h.serve()
	cron := 0 // versions that cron made
	beside.Go(func() {
		for ctx.Err() == nil {
			if h.scheduled(ctx, "app") {
				cron++
			}
			select {
			case <-time.After(time.Until(time.Now().Truncate(30 * time.Second).Add(30 * time.Second))):
			case <-ctx.Done():
			}
		}
	})
	time.Sleep(time.Until(begin.Add(time.Duration(seconds) * time.Second)))
	h.await("nothing runs", func() bool {
		s := h.status()
		return len(s.Running)+len(s.Queue) == 0 && time.Now().Second()%10 > 1
	})
	end := time.Now()
	cancel()
	beside.Wait()
	if code := h.end(service); code != 0 {
		t.Errorf("exit code %d", code)
	}

	made := h.bySlot("app")
	var slots []time.Time
	late := 0
	for slot := begin.Truncate(10 * time.Second).UTC(); slot.Before(end.Add(-time.Second)); slot = slot.Add(10 * time.Second) {
		run, ok := made[slot]
		if !ok {
			t.Errorf("slot %v has no version", slot)
		} else if run.Started.Sub(run.Due) > time.Minute && slot.After(begin) {
			late++
		}
		slots = append(slots, slot)
	}
	if len(made) != len(slots) || late > 0 {
		t.Errorf("%d versions of %d slots, %d late", len(made), len(slots), late)
	}
	t.Logf("%d slots, each with one version: %d by cron, the others by the service", len(slots), cron)
	if long := seconds >= 100; long && (cron == 0 || cron > len(slots)/2) {
		t.Errorf("%d of %d versions are cron's", cron, len(slots))
	}
	if kept := h.restoreAll("app"); !slices.EqualFunc(kept, slots[max(0, len(slots)-5):], time.Time.Equal) {
		t.Errorf("kept %v of %v", kept, slots)
	}
}

// scheduled does what a cron line does, and reports whether it made a version.
func (h *host) scheduled(ctx context.Context, name string) bool {
	set, err := profile.Load(h.path("config.yaml"), h.getenv)
	if err != nil {
		h.Error(err)
		return false
	}
	p, err := set.Get(name)
	if err != nil {
		h.Error(err)
		return false
	}
	run, _ := job.Run(ctx, job.Options{Profile: p, State: h.path("state"), Scheduled: true, Getenv: h.getenv, Environ: func() []string { return h.env }})
	return run.Snapshot != nil
}

// Kill -9 of the service, and of the process of its run, at any moment loses and doubles
// nothing.
func TestKillsAtRandomMomentsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	kills, seed := number(t, "QSNAP_SERVICE_KILLS", 6), number(t, "QSNAP_SERVICE_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 9))
	h := newHost(t, tenSeconds+`
  hand:
    repo: ROOT/other
    hooks: {after: [{shell: "echo >>ROOT/after"}]}
`)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { h.change(ctx) })
	begin := time.Now()
	var asked []string
	children := 0
	for range kills {
		service := h.serve()
		if run, err := h.client().Run(ctx, client.Run{Profile: "hand"}); err != nil {
			t.Fatal(err)
		} else {
			asked = append(asked, run.ID)
		}
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		if random.IntN(2) == 0 { // as a crash of the machine would
			for _, r := range h.status().Running {
				if r.PID > 0 && syscall.Kill(r.PID, syscall.SIGKILL) == nil {
					children++
				}
			}
		}
		if err := service.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = service.Wait()
	}
	service := h.serve()
	h.await("nothing runs, and nothing waits", func() bool {
		s := h.status()
		return len(s.Running)+len(s.Queue) == 0
	})
	cancel()
	beside.Wait()
	end := time.Now()
	h.end(service)

	made := h.bySlot("app")
	if newest := end.Add(-time.Second).Truncate(10 * time.Second).UTC(); made[newest].Snapshot == nil && newest.After(begin) {
		t.Errorf("seed %d: slot %v has no version", seed, newest)
	}
	done := map[string]bool{}
	for _, r := range h.records("hand") {
		if r.Snapshot != nil {
			if done[r.ID] {
				t.Errorf("seed %d: the request %s was done twice", seed, r.ID)
			}
			done[r.ID] = true
		}
	}
	for _, id := range asked {
		if !done[id] {
			t.Errorf("seed %d: the request %s was lost", seed, id)
		}
	}
	t.Logf("seed %d: %d kills, with %d processes of runs; %d slots and %d requests have a version", seed, kills, children, len(made), len(done))
	perSlot := map[time.Time]int{}
	for _, slot := range h.restoreAll("app") {
		perSlot[slot.UTC()]++
	}
	for slot, n := range perSlot {
		if n > 1 {
			t.Errorf("seed %d: slot %v has %d versions in the repository", seed, slot, n)
		}
	}
	if len(h.restoreAll("hand")) < len(done) {
		t.Errorf("seed %d: fewer versions than requests", seed)
	}
}
