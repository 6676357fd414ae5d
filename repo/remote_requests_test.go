package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A distant is a target behind a slow line: each request takes some time, and a second
// carries a limited number of bytes.
type distant struct {
	target.Target
	latency time.Duration
	rate    int64

	mu              sync.Mutex
	now, most       int   // requests
	moving, mostMov int64 // bytes of these
	names           map[string]int
	left            bool // before that it is as near as can be, and counts nothing
}

func (d *distant) wait(ctx context.Context, what string, size int64) error {
	d.mu.Lock()
	if !d.left {
		d.mu.Unlock()
		return nil
	}
	d.now++
	d.moving += size
	d.most, d.mostMov = max(d.most, d.now), max(d.mostMov, d.moving)
	if d.names == nil {
		d.names = map[string]int{}
	}
	d.names[what]++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.now--
		d.moving -= size
	}()
	select {
	case <-time.After(d.latency + time.Duration(size*int64(time.Second)/d.rate)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *distant) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := d.wait(ctx, "put", size); err != nil {
		return err
	}
	return d.Target.Put(ctx, name, body, size)
}

func (d *distant) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	size := n
	if n < 0 {
		info, err := d.Target.Stat(ctx, name)
		if err != nil {
			return nil, err
		}
		size = info.Size - off
	}
	if err := d.wait(ctx, "get", size); err != nil {
		return nil, err
	}
	return d.Target.Get(ctx, name, off, n)
}

// A nearby is a distant that passes for a file system here.
type nearby struct{ *distant }

func (n nearby) Stage(context.Context) (target.Staged, error) {
	return staged{new(pack.Buffer), n}, nil
}

// A staged object is put when it is committed.
type staged struct {
	*pack.Buffer
	target target.Target
}

func (s staged) Commit(ctx context.Context, name string, size int64) error {
	return s.target.Put(ctx, name, s.Buffer, size)
}

func (staged) Discard() error { return nil }

// A trip is how long something took on a distant target, and what it asked of it.
type trip struct {
	took  time.Duration
	gets  int
	most  int
	bytes int64
}

func (t trip) String() string {
	return fmt.Sprintf("%v, %d gets, at most %d requests and %d bytes at once", t.took, t.gets, t.most, t.bytes)
}

// travel does something with a repository on a distant target, as if it were far or
// near.
func travel(t *testing.T, memory target.Target, key Secret, far bool, do func(r *Repo) error) trip {
	t.Helper()
	d := &distant{Target: memory, latency: 50 * time.Millisecond, rate: 8 << 20}
	var on target.Target = d
	if !far {
		on = nearby{d}
	}
	r, err := Open(t.Context(), on, key, Options{CacheDir: t.TempDir(), CacheSize: new(int64(0))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.e.Blobs.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.left = true
	d.mu.Unlock()
	start := time.Now()
	if err := errors.Join(do(r), r.Close()); err != nil {
		t.Fatal(err)
	}
	return trip{time.Since(start), d.names["get"], d.most, d.mostMov}
}

func TestWhatIsFarIsReadAheadAndWrittenInParallel(t *testing.T) {
	files := fstest.MapFS{}
	random := rand.NewChaCha8([32]byte{1})
	for i := range 64 {
		b := make([]byte, 1<<20)
		random.Read(b)
		files[fmt.Sprintf("d%d/f%02d", i/8, i)] = &fstest.MapFile{Data: b, Mode: 0o644, ModTime: old}
	}
	text, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		memory := &targettest.Memory{}
		r, err := Init(t.Context(), memory, key, InitOptions{Options: Options{CacheDir: dir}, PackSize: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		empty := memory.Clone()
		snapshotBy := func(workers int) func(r *Repo) error {
			return func(r *Repo) error {
				_, err := r.Snapshot(t.Context(), FromFS(files, "/x"), SnapshotOptions{Hostname: "h", Workers: workers})
				return err
			}
		}
		// One worker puts the files into segments. Two workers that wait for the processor
		// now and then would put them into segments in another order than they are read.
		travel(t, memory, key, false, snapshotBy(1))
		const workers = 2
		restore := func(r *Repo) error {
			m, err := r.Latest(t.Context(), Filter{})
			if err == nil {
				_, err = r.Restore(t.Context(), m, RestoreOptions{To: t.TempDir(), NoSync: true, Workers: workers})
			}
			return err
		}
		check := func(r *Repo) error {
			report, err := r.Check(t.Context(), CheckOptions{ReadData: true, Workers: workers})
			if err == nil && report.Damaged() {
				err = errors.New("damage")
			}
			return err
		}
		copied := func(r *Repo) error {
			to, err := Init(t.Context(), &targettest.Memory{}, key, InitOptions{Options: Options{CacheDir: t.TempDir()}, Like: r})
			if err != nil {
				return err
			}
			all, err := r.Snapshots(t.Context(), Filter{})
			if err == nil {
				_, err = r.Copy(t.Context(), to, all, CopyOptions{Workers: workers})
			}
			return errors.Join(err, to.Close())
		}
		// A worker that asks for a segment before it is being read ahead reads it itself: at
		// the start all of them may. One block more is for trees and the like.
		const block = 4<<20 + seal.Overhead // a segment of four files, as stored
		const blocks = blob.PrefetchGets + workers + 1
		for _, c := range []struct {
			what  string
			on    *targettest.Memory
			do    func(r *Repo) error
			times time.Duration // how much sooner it has to be done at least
			bytes int64         // that may be under way at once
		}{
			{"snapshot", empty, snapshotBy(workers), 2, write.RemotePackMemory},
			{"restore", memory, restore, 3, blocks * block},
			{"check", memory, check, 2, 9 * 8 << 20}, // which aren't held
			{"copy", memory, copied, 3, blocks * block},
		} {
			near := travel(t, c.on.Clone(), key, false, c.do)
			far := travel(t, c.on.Clone(), key, true, c.do)
			t.Logf("%-8s near: %v\n          far: %v", c.what, near, far)
			if far.took*c.times > near.took {
				t.Errorf("%s takes %v where the target is known to be far, and %v else", c.what, far.took, near.took)
			}
			if far.bytes > c.bytes {
				t.Errorf("%s has %d bytes under way at once, more than %d", c.what, far.bytes, c.bytes)
			}
		}
	})
}
