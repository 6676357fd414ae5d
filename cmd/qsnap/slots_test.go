package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/snapshot"
)

// A jobSession is a repository with the versions that jobs have taken.
type jobSession struct {
	*testing.T
	dir string
	now time.Time
	r   *connect.Repo
}

func newJobSession(t *testing.T) *jobSession {
	t.Setenv("TZ", "UTC")
	s := &jobSession{T: t, dir: t.TempDir(), now: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}
	if err := os.MkdirAll(filepath.Join(s.dir, "tree"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.qsnap(0, "init")
	c := connect.Config{Location: connect.Location(filepath.Join(s.dir, "r"))}
	r, err := connect.Open(t.Context(), c, connect.Secret{KeyFile: filepath.Join(s.dir, "key")}, repo.Options{
		Hostname: "web", CacheDir: filepath.Join(s.dir, "cache"), Now: func() time.Time { return s.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	s.r = r
	return s
}

// qsnap runs a command line and returns what it printed.
func (s *jobSession) qsnap(code int, args ...string) string {
	s.Helper()
	line := append([]string{"-r", s.dir + "/r", "--key-file", s.dir + "/key", "--cache-dir", s.dir + "/cache"}, args...)
	got, out, said := runIn(s.Context(), map[string]string{"QSNAP_HOST": "web"}, line...)
	if got != code {
		s.Fatalf("qsnap %q: exit code %d, want %d\n%s%s", args, got, code, out, said)
	}
	return out + said
}

// take takes a version of the tree, with what is said of it as its only file.
func (s *jobSession) take(content string, o repo.SnapshotOptions) *snapshot.Manifest {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "tree", "f"), []byte(content), 0o600); err != nil {
		s.Fatal(err)
	}
	m, err := s.r.Snapshot(s.Context(), repo.Paths(filepath.Join(s.dir, "tree")), o)
	if err != nil {
		s.Fatal(err)
	}
	return m
}

// wants reports a pattern for each line of a text that does not match.
func (s *jobSession) wants(out string, patterns ...string) {
	s.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			s.Errorf("nothing like %q in\n%s", p, out)
		}
	}
}

func TestListsShowProfileSlotAndLevelWhereThereIsAny(t *testing.T) {
	s := newJobSession(t)
	s.take("before", repo.SnapshotOptions{})
	if out := s.qsnap(0, "snapshots"); strings.Contains(out, "PROFILE") || strings.Contains(out, "LEVEL") || strings.Contains(out, "restores alone") {
		t.Errorf("columns of nothing:\n%s", out)
	}
	job := snapshot.Job{Profile: "app", Slot: s.now, Installation: snapshot.Installation{1}}
	s.now = s.now.Add(time.Minute)
	s.take(strings.Repeat("full", 1000), repo.SnapshotOptions{Level: snapshot.LevelFull, Job: job})
	s.now = s.now.Add(time.Hour)
	job.Slot = job.Slot.Add(time.Hour + 10*time.Second)
	s.take(strings.Repeat("diff", 2000), repo.SnapshotOptions{Level: snapshot.LevelDifferential, Job: job})
	out := s.qsnap(0, "snapshots")
	s.wants(out, `^ID +TIME +HOST +PATHS +PROFILE +SLOT +LEVEL +TAGS +FILES +SIZE +NEW +SINCE FULL +STORED$`,
		` app +2026-01-02 03:00 +full .* 4\.[0-9]+ KiB +0 B `, ` app +2026-01-02 04:00:10 +differential .* 7.8 KiB +7\.9 KiB `,
		`^restores alone: yes`)
	// The full one isn't in the list, and counts all the same.
	s.wants(s.qsnap(0, "snapshots", "--last", "1"), ` differential .* 7\.9 KiB +7\.9 KiB `)
	s.wants(s.qsnap(0, "--json", "snapshots", "--last", "1"), `"level":"differential","profile":"app","slot":"2026-01-02T04:00:10Z","installation":"01000000000000000000000000000000","since_full":\{"id":"[0-9a-f]{64}","data_added":8[0-9]{3}\}`)
}

func TestForgetKeepsSlotsHoweverManyAreTakenByHand(t *testing.T) {
	s := newJobSession(t)
	for hour := range 6 {
		job := snapshot.Job{Profile: "app", Slot: s.now, Installation: snapshot.Installation{1}}
		for run := range 3 {
			s.take(fmt.Sprint(hour, run), repo.SnapshotOptions{Job: job})
			s.now = s.now.Add(time.Minute)
		}
		s.now = s.now.Add(57 * time.Minute)
	}
	other := s.take("cloned", repo.SnapshotOptions{Job: snapshot.Job{Profile: "app", Slot: s.now, Installation: snapshot.Installation{2}}})
	s.wants(s.qsnap(0, "forget", "-n", "--keep-last", "3"), `last 3 \(slot 2026-01-02 08:00\)$`, `last 3 \(slot 2026-01-02 06:00\)$`, `extra 3$`, `^would forget 12 snapshots, keep 7$`)
	s.wants(s.qsnap(0, "forget", "-n", "--keep-last", "3", "--keep-extra", "-1", "--group-by", "host,profile"), `^web: profile app$`, `extra$`, `^would forget 9 snapshots, keep 10$`)
	s.wants(s.qsnap(0, "forget", "--keep-last", "2", "--keep-extra", "0"), `^forgot 16 snapshots, kept 3$`)
	s.wants(s.qsnap(0, "forget", "-n", "--keep-last", "1", "--keep-extra", "0", "--installation", other.Job.Installation.String()), `^would forget 0 snapshots, keep 1$`)
	s.wants(s.qsnap(0, "forget", "--keep-tag", "none", "--allow-empty", "--installation", other.Job.Installation.String()), `^forgot 1 snapshot, kept 0$`)
	s.wants(s.qsnap(1, "forget", "--keep-tag", "none", "--group-by", "host,profile"), `the policy would keep no snapshot of web profile app`)
	for _, wrong := range [][]string{{"--keep-last", "1", "--installation", "12"}, {"--keep-extra", "3"}, {"--keep-last", "1", "--keep-extra", "-2"}} {
		s.qsnap(2, append([]string{"forget"}, wrong...)...)
	}
}

func TestWhatWasAddedSinceAFullOneIsFoundInPartsOfTheHistory(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []*snapshot.Manifest
		for i := range 100 {
			m := &snapshot.Manifest{ID: snapshot.ID{byte(i), 1}, Hostname: string(rune('a' + r.IntN(2))), Paths: []string{"/x"}, Number: uint64(i/2 + 1)}
			m.Stats.DataAdded = uint64(r.IntN(1000))
			if r.IntN(10) == 0 {
				m.Level = snapshot.LevelFull
			}
			if r.IntN(4) == 0 {
				m.Missing = []snapshot.Missing{{Path: "/x"}}
			}
			all = append(all, m)
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got := sinceFull(all)
		for _, m := range all {
			source := slices.DeleteFunc(slices.Clone(all), func(o *snapshot.Manifest) bool { return o.Hostname != m.Hostname })
			want, ok := snapshot.AddedSinceFull(m, source)
			if has, found := got[m.ID]; found != ok || has != want {
				t.Fatalf("seed %d: number %d of %s: %+v, want %+v", seed, m.Number, m.Hostname, has, want)
			}
		}
	}
}

func TestAYearOfHoursIsListedAtOnce(t *testing.T) {
	var all []*snapshot.Manifest
	for i := range 365 * 24 {
		m := &snapshot.Manifest{Hostname: "web", Paths: []string{"/x"}, Number: uint64(i + 1)}
		m.ID[0], m.ID[1] = byte(i), byte(i>>8)
		if i%(7*24) == 0 {
			m.Level = snapshot.LevelFull
		}
		all = append(all, m)
	}
	start := time.Now()
	if n := len(sinceFull(all)); n != len(all) {
		t.Errorf("%d of %d", n, len(all))
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it takes %v", took)
	}
}
