package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/snapshot"
)

// liveCopies opens the targets of replicas, and the repositories of copies.
func (x *running) liveCopies(ctx context.Context) (string, error) {
	var bad error
	later := ""
	for _, l := range x.p.Replicas {
		_, err := x.target(ctx, l, false)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, repo.ErrNoRepository):
			later = "; the first run makes " + l.String()
		case err != nil:
			bad = errors.Join(bad, fmt.Errorf("replica %s: %w", l, err))
		}
	}
	for _, c := range x.p.Copies {
		to, secret, err := x.p.ConnectCopy(c, x.o.Getenv)
		if err == nil {
			x.configure(&to)
			var r *connect.Repo
			if r, err = connect.Open(ctx, to, secret, repo.Options{Hostname: x.host, CacheDir: string(x.p.CacheDir), Now: x.o.Now}); err == nil {
				err = r.Close()
			}
		}
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("copy %s: %w", c.Repo, err))
		}
	}
	if n := len(x.p.Replicas) + len(x.p.Copies); n > 0 {
		return term.Plural(n, "location", "locations") + later, bad
	}
	return "the profile has none", nil
}

// The bounds of a sample.
const (
	sampleFiles = 100
	sampleBytes = 16 << 20
	sampleLook  = 10_000 // how many entries are looked at
)

// errEnough ends a walk.
var errEnough = errors.New("enough")

// sample returns files of the sources, and their bytes.
func sample(ctx context.Context, paths []string) (files []string, bytes int64) {
	looked := 0
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
			looked++
			if err != nil || ctx.Err() != nil {
				return ctx.Err()
			}
			if info, err := d.Info(); err == nil && d.Type().IsRegular() && info.Size() > 0 && bytes+info.Size() <= sampleBytes {
				files, bytes = append(files, name), bytes+info.Size()
			}
			if len(files) == sampleFiles || looked == sampleLook {
				return errEnough
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	return files, bytes
}

// liveTrial stores a version of a sample, restores it, compares it with the sources, and
// forgets it.
func (x *running) liveTrial(ctx context.Context) (text string, err error) {
	files, size := sample(ctx, x.p.Paths())
	if len(files) == 0 {
		return "", warning{errors.New("the sources have no file to try")}
	}
	o, err := x.p.SnapshotOptions(ctx)
	if err != nil {
		return "", err
	}
	o.Hostname, o.Kind, o.Exclude, o.ExcludeRules = x.host, snapshot.KindTrial, nil, nil
	m, err := x.repo.Snapshot(ctx, repo.Paths(files...), o)
	if none, _ := exit.OfSnapshot(m, err); none != nil {
		return "", none
	}
	defer func() {
		err = errors.Join(err, x.repo.Forget(context.WithoutCancel(ctx), []snapshot.ID{m.ID}))
	}()
	dir, err := os.MkdirTemp(x.dir.Path(), "trial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if _, err := x.repo.Restore(ctx, m, repo.RestoreOptions{To: dir, Verify: true, NoOwner: os.Geteuid() != 0}); err != nil {
		return "", err
	}
	same, changed, err := compareSample(m, files, dir)
	if err != nil {
		return "", err
	}
	text = fmt.Sprintf("%s with %s were stored, restored and compared", term.Plural(same, "file", "files"), term.Size(size))
	if changed > 0 {
		text += fmt.Sprintf("; %d changed meanwhile", changed)
	}
	return text, nil
}

// compareSample compares restored files with their sources. A file that was changed after the
// version began is no difference.
func compareSample(m *snapshot.Manifest, files []string, dir string) (same, changed int, err error) {
	for _, name := range files {
		in, ok := repo.PathIn(m, name)
		if !ok {
			return same, changed, fmt.Errorf("%s is not in the trial version", name)
		}
		there, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(in)))
		if err != nil {
			return same, changed, err
		}
		here, err := os.ReadFile(name)
		info, e := os.Stat(name)
		switch {
		case err == nil && bytes.Equal(here, there):
			same++
		case err != nil || e != nil || info.ModTime().After(m.Start):
			changed++
		default:
			return same, changed, fmt.Errorf("%s: what was restored differs from the source", name)
		}
	}
	return same, changed, nil
}
