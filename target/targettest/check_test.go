package targettest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	for name, tt := range map[string]target.Target{"memory": &targettest.Memory{}, "faulty": &targettest.Faulty{Memory: &targettest.Memory{}}} {
		if err := targettest.Check(t.Context(), tt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A broken target breaks one clause of the contract.
type broken struct {
	*targettest.Memory
	put  func(b *broken, ctx context.Context, name string, body io.ReaderAt, size int64) error
	get  func(b *broken, ctx context.Context, name string, off, n int64) (io.ReadCloser, error)
	list func(b *broken, ctx context.Context, prefix string) iter.Seq2[target.Info, error]
	del  func(b *broken, ctx context.Context, name string) error
}

func (b *broken) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if b.put != nil {
		return b.put(b, ctx, name, body, size)
	}
	return b.Memory.Put(ctx, name, body, size)
}

func (b *broken) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if b.get != nil {
		return b.get(b, ctx, name, off, n)
	}
	return b.Memory.Get(ctx, name, off, n)
}

func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	if b.list != nil {
		return b.list(b, ctx, prefix)
	}
	return b.Memory.List(ctx, prefix)
}

func (b *broken) Delete(ctx context.Context, name string) error {
	if b.del != nil {
		return b.del(b, ctx, name)
	}
	return b.Memory.Delete(ctx, name)
}

// breaches are targets, by the finding that each must lead to.
func breaches() map[string]*broken {
	return map[string]*broken{
		"an existing object is never replaced": {put: func(b *broken, ctx context.Context, name string, body io.ReaderAt, size int64) error {
			b.Set(name, nil)
			return b.Memory.Put(ctx, name, body, size)
		}},
		"an existing object is never replaced: a second put of 5000 bytes returns <nil>": {put: func(b *broken, ctx context.Context, name string, body io.ReaderAt, size int64) error {
			if err := b.Memory.Put(ctx, name, body, size); !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		}},
		"a range reads as it was put": {get: func(b *broken, ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
			return b.Memory.Get(ctx, name, 0, n)
		}},
		"a range beyond the end is an error": {get: func(b *broken, ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
			r, err := b.Memory.Get(ctx, name, off, n)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return r, err
		}},
		"an absent object is fs.ErrNotExist": {del: func(b *broken, ctx context.Context, name string) error {
			if err := b.Memory.Delete(ctx, name); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}},
		"list yields what is there, in order": {list: func(b *broken, ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
			return func(yield func(target.Info, error) bool) {
				n := 0
				for info, err := range b.Memory.List(ctx, prefix) {
					if n++; n < 5 && !yield(info, err) { // the first page only
						return
					}
				}
			}
		}},
		"a deleted object is gone": {del: func(b *broken, ctx context.Context, name string) error {
			_, err := b.Memory.Stat(ctx, name)
			return err
		}},
		"a failed put leaves nothing behind": {put: func(b *broken, ctx context.Context, name string, body io.ReaderAt, size int64) error {
			err := b.Memory.Put(ctx, name, body, size)
			if err != nil && ctx.Err() == nil && !errors.Is(err, fs.ErrExist) && target.ValidName(name) == nil {
				b.Set(name, []byte("half"))
			}
			return err
		}},
		"a cancelled context ends every call": {del: func(b *broken, ctx context.Context, name string) error {
			return b.Memory.Delete(context.WithoutCancel(ctx), name)
		}},
		"bad names are refused": {put: func(b *broken, ctx context.Context, name string, body io.ReaderAt, size int64) error {
			if name == "a b" {
				return nil
			}
			return b.Memory.Put(ctx, name, body, size)
		}},
	}
}

func TestCheckFindsEveryBreachOfTheContract(t *testing.T) {
	for want, b := range breaches() {
		b.Memory = &targettest.Memory{}
		err := targettest.Check(t.Context(), b)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestASurveyFindsEveryBreachToo(t *testing.T) {
	for want, b := range breaches() {
		b.Memory = &targettest.Memory{}
		found := false
		for _, f := range targettest.Survey(t.Context(), b, 1<<20) {
			found = found || f.Err != nil && strings.HasPrefix(f.Clause+": "+f.Err.Error(), want)
		}
		if !found {
			t.Errorf("it does not find: %s", want)
		}
	}
	for _, f := range targettest.Survey(t.Context(), &targettest.Memory{}, 0) {
		if f.Err != nil {
			t.Errorf("of memory: %s: %v", f.Clause, f.Err)
		}
	}
}

// A distant target takes its time, for what has to go there.
type distant struct {
	*targettest.Memory
	sizes []int64
	mu    sync.Mutex
}

func (d *distant) travel(name string) {
	if target.ValidName(name) == nil {
		time.Sleep(100 * time.Millisecond)
	}
}

func (d *distant) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	d.travel(name)
	d.mu.Lock()
	d.sizes = append(d.sizes, size)
	d.mu.Unlock()
	return d.Memory.Put(ctx, name, body, size)
}

func (d *distant) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	d.travel(name)
	return d.Memory.Get(ctx, name, off, n)
}

func (d *distant) Delete(ctx context.Context, name string) error {
	d.travel(name)
	return d.Memory.Delete(ctx, name)
}

func TestASurveyOfADistantTargetIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distant{Memory: &targettest.Memory{}}
		start := time.Now()
		for _, f := range targettest.Survey(t.Context(), d, 1<<20) {
			if f.Err != nil {
				t.Errorf("%s: %v", f.Clause, f.Err)
			}
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("at 100 ms for a request it took %s", took)
		}
		if biggest := slices.Max(d.sizes); biggest != 1<<20 {
			t.Errorf("the largest object has %d bytes", biggest)
		}
	})
}

func TestCheckCleansUp(t *testing.T) {
	for name, check := range map[string]func(target.Target) error{
		"check":  func(m target.Target) error { return targettest.Check(t.Context(), m) },
		"survey": func(m target.Target) error { return targettest.Survey(t.Context(), m, 0)[0].Err },
	} {
		var m targettest.Memory
		if err := check(&m); err != nil {
			t.Fatal(err)
		}
		for left := range m.Objects() {
			t.Errorf("%s leaves %s", name, left)
		}
	}
}

func TestFaultsDoWhatTheySay(t *testing.T) {
	body := bytes.NewReader([]byte("content"))
	for fault, want := range map[targettest.Fault]struct {
		err    error
		stored string
		after  error // of the next operation
	}{
		targettest.None:       {nil, "content", nil},
		targettest.Fail:       {targettest.ErrFault, "", nil},
		targettest.FailAfter:  {targettest.ErrFault, "content", nil},
		targettest.Tear:       {targettest.ErrFault, "con", nil},
		targettest.Crash:      {targettest.ErrCrash, "", targettest.ErrCrash},
		targettest.CrashAfter: {targettest.ErrCrash, "content", targettest.ErrCrash},
		targettest.CrashTear:  {targettest.ErrCrash, "con", targettest.ErrCrash},
	} {
		f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
			if op.N == 1 {
				return fault
			}
			return targettest.None
		}}
		if err := f.Put(t.Context(), "a", body, 7); !errors.Is(err, want.err) {
			t.Errorf("fault %d: put: %v", fault, err)
		}
		if got := string(f.Objects()["a"]); got != want.stored {
			t.Errorf("fault %d: stored %q, want %q", fault, got, want.stored)
		}
		if err := f.Put(t.Context(), "b", body, 7); !errors.Is(err, want.after) {
			t.Errorf("fault %d: the next put: %v", fault, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { cancel(); return targettest.Hang }}
	if err := f.Put(ctx, "a", body, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("a hanging put, cancelled: %v", err)
	}
}
