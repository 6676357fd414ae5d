package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/treetest"
)

// handsTime is how long many processes go on at least: QSNAP_HANDS_SECONDS, or until each
// has had some turns.
func handsTime(t *testing.T) time.Duration {
	if s := os.Getenv("QSNAP_HANDS_SECONDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(n) * time.Second
	}
	return 0
}

// Three processes take snapshots in a loop while a fourth forgets and prunes in a
// loop. Nothing fails. Afterwards everything is well, and the repository takes the
// space of a fresh one with the same snapshots.
func TestManyHandsSnapshotForgetAndPruneAtOnce(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--quiet")
	end := time.Now().Add(handsTime(t))
	var wg sync.WaitGroup
	var mu sync.Mutex
	runs := map[string]int{}
	slowest := map[string]time.Duration{}
	loop := func(name string, turns int, step func(n int) []string) {
		wg.Go(func() {
			for n := 0; n < turns || time.Now().Before(end); n++ {
				args := step(n)
				start := time.Now()
				out, code := s.try(args...)
				mu.Lock()
				runs[name]++
				slowest[name] = max(slowest[name], time.Since(start))
				mu.Unlock()
				if code != 0 {
					t.Errorf("qsnap %s: exit code %d\n%s", strings.Join(args, " "), code, out)
					return
				}
			}
		})
	}
	for w := range 3 {
		dir := fmt.Sprintf("src%d", w)
		r := rand.New(rand.NewPCG(7, uint64(w)))
		for i := range 60 {
			s.write(fmt.Sprintf("%s/d%d/f%d", dir, i%6, i), handsData(r))
		}
		loop("snapshot", 8, func(n int) []string {
			s.write(fmt.Sprintf("%s/d%d/f%d", dir, r.IntN(6), r.IntN(60)), handsData(r))
			return []string{"snapshot", "--quiet", dir}
		})
	}
	loop("prune", 5, func(int) []string { return []string{"forget", "--quiet", "--keep-last", "4", "--prune"} })
	wg.Wait()
	t.Logf("%v; the slowest took %v", runs, slowest)
	s.run("forget", "--quiet", "--keep-last", "4", "--prune")
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") || strings.Contains(out, "note:") {
		t.Errorf("check: %s", out)
	}
	for _, dir := range []string{"leases", "pending", "quarantine"} {
		if left, _ := filepath.Glob(s.path("repo/" + dir + "/*")); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
	compareWithFresh(t, s)
}

// handsData is a file's content, which others may have, too: as a whole, since what a
// part in common takes depends on which chunks lie in a segment together.
func handsData(r *rand.Rand) []byte {
	src := rand.New(rand.NewPCG(uint64(r.IntN(400)), 3))
	b := make([]byte, 2000+src.IntN(60_000))
	for i := range b {
		b[i] = byte(src.Uint32())
	}
	return b
}

// compareWithFresh copies all snapshots, one after another, to a fresh repository
// and compares what the packs take.
func compareWithFresh(t *testing.T, s *session) {
	t.Helper()
	var list []struct {
		ID    string
		Paths []string
	}
	if err := json.Unmarshal([]byte(s.run("snapshots", "--json")), &list); err != nil || len(list) != 12 {
		t.Fatalf("%d snapshots, %v", len(list), err)
	}
	s.run("init", "--quiet", "--repo", "fresh")
	for _, m := range list {
		s.run("restore", "--quiet", m.ID, "--target", m.Paths[0], "--delete")
		s.run("snapshot", "--quiet", "--repo", "fresh", m.Paths[0])
	}
	size := func(repo string) (total float64) {
		files, err := filepath.Glob(s.path(repo + "/packs/*/*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			total += float64(info.Size())
		}
		return total
	}
	used, fresh := size("repo"), size("fresh")
	t.Logf("packs take %.0f bytes, in a fresh repository %.0f: %.3f", used, fresh, used/fresh)
	if used > 1.05*fresh {
		t.Errorf("packs take %.0f bytes, in a fresh repository %.0f", used, fresh)
	}
}

// A snapshot is under way while others forget and prune. The prune goes on, says for
// whom it leaves what, and the next one brings the space back.
func TestAPruneSaysForWhomItWaits(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.run("init", "--quiet")
	for v := range 3 {
		s.write("src/f", treetest.Bytes(uint64(v), 300_000))
		s.run("snapshot", "--quiet", "src")
	}
	long := s.command("snapshot", "--quiet", "--stdin", "--stdin-filename", "dump")
	stdin, err := long.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := long.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(treetest.Bytes(7, 100_000)); err != nil {
		t.Fatal(err)
	}
	s.awaitFile("repo/leases/w-*")
	start := time.Now()
	out := s.run("forget", "--path", "src", "--keep-last", "1", "--prune")
	if !strings.Contains(out, "wait for other runs") || !strings.Contains(out, "    snapshot by ") || !strings.Contains(out, "nothing to delete") {
		t.Errorf("%s", out)
	}
	if took := time.Since(start); took > 30*time.Second { // the other one would let it wait for ever
		t.Errorf("it took %v", took)
	}
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := long.Wait(); err != nil {
		t.Fatal(err)
	}
	if out := s.run("prune"); strings.Contains(out, "wait") || strings.Contains(out, "nothing to delete") {
		t.Errorf("%s", out)
	}
	if out := s.run("check", "--read-data"); !strings.Contains(out, "no damage found") {
		t.Error(out)
	}
}
