package target_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// wrappers are all of this package, with settings under which nothing goes wrong,
// and as the program stacks them.
var wrappers = map[string]func(target.Target) target.Target{
	"retry":    func(t target.Target) target.Target { return target.NewRetry(t, target.RetryOptions{}) },
	"throttle": func(t target.Target) target.Target { return target.NewThrottle(t, 4<<20, 8<<20) },
	"meter":    func(t target.Target) target.Target { return target.NewMeter(t) },
	"watch":    func(t target.Target) target.Target { return target.NewWatchdog(t, time.Second) },
	"all": func(t target.Target) target.Target {
		t = target.NewThrottle(target.NewWatchdog(target.NewMeter(t), time.Second), 4<<20, 0)
		return target.NewRetry(t, target.RetryOptions{})
	},
}

func TestEveryWrapperKeepsTheContract(t *testing.T) {
	for name, wrap := range wrappers {
		synctest.Test(t, func(t *testing.T) {
			if err := targettest.Check(t.Context(), wrap(&targettest.Memory{})); err != nil {
				t.Errorf("%s around memory: %v", name, err)
			}
			dir, err := local.Create(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := targettest.Check(t.Context(), wrap(dir)); err != nil {
				t.Errorf("%s around a directory: %v", name, err)
			}
		})
	}
}

func TestNoCapabilityBypassesAWrapper(t *testing.T) {
	dir, err := local.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, stages := range map[string]bool{"retry": false, "watch": false, "all": false, "throttle": true, "meter": true} {
		w := wrappers[name](dir)
		stager, ok := target.As[target.Stager](w)
		if ok != stages {
			t.Errorf("%s is a stager: %v", name, ok)
		}
		if ok && stager == target.Stager(dir) {
			t.Errorf("%s is bypassed by what is staged", name)
		}
		spacer, ok := target.As[target.SpaceReporter](w)
		if !ok || spacer == target.SpaceReporter(dir) != (name == "throttle") {
			t.Errorf("%s and space: %v, %T", name, ok, spacer)
		}
		if free, total, err := spacer.Space(t.Context()); err != nil || free <= 0 || total < free {
			t.Errorf("%s: %d of %d bytes are free, %v", name, free, total, err)
		}
		if found, ok := target.As[*local.Target](w); !ok || found != dir {
			t.Errorf("%s hides what it wraps", name)
		}
		if _, ok := target.As[target.Stager](wrappers[name](&targettest.Memory{})); ok {
			t.Errorf("%s around memory is a stager", name)
		}
		if _, ok := target.As[target.SpaceReporter](wrappers[name](&targettest.Memory{})); ok {
			t.Errorf("%s around memory is a spacer", name)
		}
	}
}

// A line is a network between a target and who uses it, that fails as a Decide
// says: an operation as a whole, before or after it was done, or in the midst of
// what is read or listed.
type line struct {
	*targettest.Faulty
	mu     sync.Mutex
	rand   *rand.Rand
	broken float64 // of the reads and lists that begin
}

// errLine is what operations fail with.
var errLine error = fmt.Errorf("the line broke: %w", syscall.ECONNRESET)

func (l *line) cut() (after int, broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rand == nil || l.rand.Float64() >= l.broken {
		return 0, false
	}
	return l.rand.IntN(100), true
}

// carry returns an error as it arrives: what the target said is lost with the line.
func carry(err error) error {
	if errors.Is(err, targettest.ErrFault) {
		return errLine
	}
	return err
}

func (l *line) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return carry(l.Faulty.Put(ctx, name, body, size))
}

func (l *line) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	r, err := l.Faulty.Get(ctx, name, off, n)
	if after, broken := l.cut(); broken && err == nil {
		return io.NopCloser(io.MultiReader(io.LimitReader(r, int64(after)), failing{})), nil
	}
	return r, carry(err)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (l *line) Stat(ctx context.Context, name string) (target.Info, error) {
	info, err := l.Faulty.Stat(ctx, name)
	return info, carry(err)
}

func (l *line) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		after, broken := l.cut()
		for info, err := range l.Faulty.List(ctx, prefix) {
			if after--; broken && after < 0 {
				info, err = target.Info{}, errLine
			}
			if !yield(info, carry(err)) || err != nil {
				return
			}
		}
	}
}

func (l *line) Delete(ctx context.Context, name string) error {
	return carry(l.Faulty.Delete(ctx, name))
}

// newLine returns a line to a memory on which operations fail with a probability.
func newLine(seed uint64, often float64) *line {
	r := rand.New(rand.NewPCG(seed, 1))
	l := &line{rand: rand.New(rand.NewPCG(seed, 2)), broken: often}
	l.Faulty = &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault {
		switch x := r.Float64(); {
		case x < often/2:
			return targettest.Fail
		case x < often:
			return targettest.FailAfter
		}
		return targettest.None
	}}
	return l
}

// fail has the operations of a line fail in turn.
func fail(faults ...targettest.Fault) *line {
	return &line{Faulty: &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(op targettest.Op) targettest.Fault {
		if op.N <= len(faults) {
			return faults[op.N-1]
		}
		return targettest.None
	}}}
}

func put(t target.Target, name, body string) error {
	return t.Put(context.Background(), name, bytes.NewReader([]byte(body)), int64(len(body)))
}

func get(t target.Target, name string, off, n int64) (string, error) {
	r, err := t.Get(context.Background(), name, off, n)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}
