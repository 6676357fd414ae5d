package repo_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// damageOnly damages a pack in which there is only something of one file.
func (f *fixture) damageOnly(path string) {
	f.t.Helper()
	mem := f.target.(*targettest.Memory)
	for name, b := range mem.Objects() {
		if !strings.HasPrefix(name, "packs/") {
			continue
		}
		broken := bytes.Clone(b)
		broken[len(b)/2] ^= 1
		mem.Set(name, broken)
		report, err := f.Check(f.t.Context(), repo.CheckOptions{ReadData: true})
		if err != nil && !errors.Is(err, repo.ErrDamaged) {
			f.t.Fatal(err)
		}
		for _, finding := range report.Findings {
			if finding.Total == 1 && finding.Files[0].Path == path {
				return
			}
		}
		mem.Set(name, b)
	}
	f.t.Fatalf("no pack is only of %s", path)
}

// Something of the source is lost: what needs it is named and left out, all else is
// copied.
func TestACopyLeavesOutWhatIsLostAndNamesIt(t *testing.T) {
	files := fstest.MapFS{"dir/good": {Data: randomBytes(1, 3_000_000)}, "dir/bad": {Data: randomBytes(2, 3_000_000)}}
	f := newSmallFixture(t, &targettest.Memory{})
	bad := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{Workers: 1})
	delete(files, "dir/bad")
	good := f.snapshot(repo.FromFS(files, "/x"), repo.SnapshotOptions{})
	f.damageOnly("dir/bad")
	f.reopen()
	for name, g := range map[string]*fixture{"twin": f.twin(&targettest.Memory{}), "elsewhere": newFixture(t)} {
		var told error
		report, err := f.Copy(t.Context(), g.Repo, f.all(), repo.CopyOptions{Progress: func(p repo.CopyProgress) {
			if p.Problem != nil {
				told = p.Problem
			}
		}})
		if !errors.Is(err, repo.ErrNotCopied) || !strings.Contains(err.Error(), "snapshot "+bad.ID.Short()) || !strings.Contains(err.Error(), "/dir/bad: chunk ") {
			t.Errorf("%s: %v", name, err)
		}
		if told == nil || report.Copied != 1 || report.Failed != 1 {
			t.Errorf("%s: %+v, %v", name, report, told)
		}
		if all := g.all(); len(all) != 1 || all[0].ID != good.ID && all[0].Original != good.ID {
			t.Errorf("%s: %v", name, ids(all))
		} else {
			sameTree(t, g.Repo, all[0], files)
		}
		g.damageless("")
	}
}

// The destination is full: the copy says so, and goes on when there is room.
func TestACopyToAFullTargetGoesOnWhenThereIsRoom(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	all := f.versions(3)
	errFull := targettest.ErrFault
	for name, key := range map[string]repo.Secret{"twin": f.key, "elsewhere": testKey(t)} {
		mem := &targettest.Memory{}
		if name == "twin" {
			f.twin(mem)
		} else if r, err := repo.Init(t.Context(), mem, key, crashInit(t.TempDir())); err != nil {
			t.Fatal(err)
		} else {
			r.Close()
		}
		room := int64(2 << 20)
		full := &targettest.Faulty{Memory: mem, Decide: func(op targettest.Op) targettest.Fault {
			if room -= op.Size; op.Method == "put" && room < 0 {
				return targettest.Fail
			}
			return targettest.None
		}}
		g := (&fixture{t: t, key: key, cache: t.TempDir()}).at(full)
		if _, err := f.Copy(t.Context(), g.Repo, f.all(), repo.CopyOptions{}); !errors.Is(err, errFull) {
			t.Fatalf("%s: %v", name, err)
		}
		g.damageless(name)
		before, _ := stored(mem, "packs/")
		room = 1 << 30
		report := f.copyTo(g)
		after, _ := stored(mem, "packs/")
		if before == 0 || int(report.PacksMoved) > after-before {
			t.Errorf("%s: %d packs before, %d after, %+v", name, before, after, report)
		}
		copied(t, f, g, all, name)
	}
}

func TestACancelledCopyEndsSoonAndLeavesNothingBroken(t *testing.T) {
	f := newSmallFixture(t, &targettest.Memory{})
	all := f.versions(3)
	for name, g := range map[string]*fixture{"twin": f.twin(&targettest.Memory{}), "elsewhere": newFixture(t)} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := f.Copy(ctx, g.Repo, f.all(), repo.CopyOptions{Progress: func(p repo.CopyProgress) {
			if p.Copy != nil {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || len(g.all()) != 1 {
			t.Errorf("%s: %v, %d snapshots", name, err, len(g.all()))
		}
		g.damageless(name)
		f.copyTo(g)
		copied(t, f, g, all, name)
		cancel()
	}
}
