package targettest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// An Op is one call of a target's method.
type Op struct {
	N      int    // from 1, in the order in which they began
	Method string // "put", "get", "stat", "list" or "delete"
	Name   string // or the prefix
	Size   int64  // of a put
}

// A Fault is what happens to one operation.
type Fault int

// The faults.
const (
	None       Fault = iota
	Fail             // it fails and does nothing
	FailAfter        // it is done, but reported as failed
	Tear             // a put stores half its bytes and fails, which breaks the contract
	Hang             // it does nothing and returns when the context is cancelled
	Crash            // the process dies before it is done: this and all later ones fail
	CrashAfter       // the process dies after it is done: as above, and nobody is told
	CrashTear        // the process dies when half the bytes are stored, which breaks the contract
)

var (
	// ErrFault is what a failing operation returns.
	ErrFault = errors.New("fault on purpose")
	// ErrCrash is what operations return to a process that has died.
	ErrCrash = errors.New("crashed on purpose")
)

// A Faulty passes operations to a Memory and lets Decide break them.
type Faulty struct {
	*Memory
	// Decide is called for each operation, one at a time. Nil means None.
	Decide func(Op) Fault

	mu      sync.Mutex
	ops     int
	crashed bool
}

// Unwrap returns the target beneath.
func (f *Faulty) Unwrap() target.Target { return f.Memory }

// Ops returns how many operations have begun.
func (f *Faulty) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

func (f *Faulty) begin(method, name string, size int64) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return Crash
	}
	f.ops++
	if f.Decide == nil {
		return None
	}
	fault := f.Decide(Op{f.ops, method, name, size})
	f.crashed = fault >= Crash
	return fault
}

// run performs an operation that has effect do, and tear for half of it.
func (f *Faulty) run(ctx context.Context, fault Fault, do, tear func() error) error {
	switch fault {
	case None:
		return do()
	case Fail:
		return ErrFault
	case FailAfter:
		_ = do() // nobody is told what came of it
		return ErrFault
	case Tear:
		return errors.Join(ErrFault, tear())
	case Hang:
		<-ctx.Done()
		return ctx.Err()
	case CrashAfter:
		return errors.Join(ErrCrash, do())
	case CrashTear:
		return errors.Join(ErrCrash, tear())
	}
	return ErrCrash
}

// Put is part of target.Target.
func (f *Faulty) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	fault := f.begin("put", name, size)
	return f.run(ctx, fault, func() error { return f.Memory.Put(ctx, name, body, size) }, func() error {
		half := make([]byte, size/2)
		if _, err := body.ReadAt(half, 0); err != nil {
			return err
		}
		return f.Memory.Put(ctx, name, bytes.NewReader(half), size/2)
	})
}

// Get is part of target.Target.
func (f *Faulty) Get(ctx context.Context, name string, off, n int64) (r io.ReadCloser, err error) {
	get := func() error {
		r, err = f.Memory.Get(ctx, name, off, n)
		return err
	}
	if err := f.run(ctx, f.begin("get", name, 0), get, get); err != nil {
		return nil, err
	}
	return r, nil
}

// Stat is part of target.Target.
func (f *Faulty) Stat(ctx context.Context, name string) (info target.Info, err error) {
	stat := func() error {
		info, err = f.Memory.Stat(ctx, name)
		return err
	}
	err = f.run(ctx, f.begin("stat", name, 0), stat, stat)
	return info, err
}

// List is part of target.Target.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		nothing := func() error { return nil }
		if err := f.run(ctx, f.begin("list", prefix, 0), nothing, nothing); err != nil {
			yield(target.Info{}, err)
			return
		}
		f.Memory.List(ctx, prefix)(yield)
	}
}

// Delete is part of target.Target.
func (f *Faulty) Delete(ctx context.Context, name string) error {
	del := func() error { return f.Memory.Delete(ctx, name) }
	return f.run(ctx, f.begin("delete", name, 0), del, del)
}
