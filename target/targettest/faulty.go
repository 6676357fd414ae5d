package targettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// An Op is one call of a target's method.
type Op struct {
	N      int    // from 1, in the order in which they began
	Method string // "put", "get", "stat", "list" or "delete"
	Name   string // or the prefix
	Size   int64  // of a put
	Off    int64  // of a get
	Len    int64  // of a get; negative means all that follows
}

// String returns the operation in short form.
func (o Op) String() string {
	s := o.Method + " " + shortName(o.Name)
	if o.Method == "get" && (o.Off != 0 || o.Len >= 0) {
		s += fmt.Sprintf(" [%d:%d]", o.Off, o.Off+o.Len)
	}
	return s
}

// shortName returns a name without most of the digits of a hash.
func shortName(name string) string {
	dir, last := path.Split(name)
	if len(last) > 12 {
		last = last[:8] + "…"
	}
	return dir + last
}

// A Fault is what happens to one operation.
type Fault int

// The faults.
const (
	None       Fault = iota
	Fail             // the operation fails and does nothing
	FailAfter        // the operation is done, but reported as failed
	Tear             // a put stores half its bytes and fails, which breaks the contract
	Hang             // the operation does nothing and returns when the context is cancelled
	Crash            // the process dies before the operation is done: this and all later ones fail
	CrashAfter       // the process dies after the operation is done: as above, and nobody sees the result
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

func (f *Faulty) begin(op Op) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return Crash
	}
	f.ops++
	if f.Decide == nil {
		return None
	}
	op.N = f.ops
	fault := f.Decide(op)
	f.crashed = fault >= Crash
	return fault
}

// run performs an operation. do is its effect, and tear the effect of half of it.
func (f *Faulty) run(ctx context.Context, fault Fault, do, tear func() error) error {
	switch fault {
	case None:
		return do()
	case Fail:
		return ErrFault
	case FailAfter:
		_ = do() // nobody sees the result
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

// tear stores half of what Put would.
func (m *Memory) tear(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	half := make([]byte, size/2)
	if _, err := body.ReadAt(half, 0); err != nil {
		return err
	}
	return m.Put(ctx, name, bytes.NewReader(half), size/2)
}

// Put implements target.Target.
func (f *Faulty) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	fault := f.begin(Op{Method: "put", Name: name, Size: size})
	return f.run(ctx, fault, func() error { return f.Memory.Put(ctx, name, body, size) }, func() error {
		return f.Memory.tear(ctx, name, body, size)
	})
}

// Get implements target.Target.
func (f *Faulty) Get(ctx context.Context, name string, off, n int64) (r io.ReadCloser, err error) {
	get := func() error {
		r, err = f.Memory.Get(ctx, name, off, n)
		return err
	}
	if err := f.run(ctx, f.begin(Op{Method: "get", Name: name, Off: off, Len: n}), get, get); err != nil {
		return nil, err
	}
	return r, nil
}

// Stat implements target.Target.
func (f *Faulty) Stat(ctx context.Context, name string) (info target.Info, err error) {
	stat := func() error {
		info, err = f.Memory.Stat(ctx, name)
		return err
	}
	err = f.run(ctx, f.begin(Op{Method: "stat", Name: name}), stat, stat)
	return info, err
}

// List implements target.Target.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		nothing := func() error { return nil }
		if err := f.run(ctx, f.begin(Op{Method: "list", Name: prefix}), nothing, nothing); err != nil {
			yield(target.Info{}, err)
			return
		}
		f.Memory.List(ctx, prefix)(yield)
	}
}

// Delete implements target.Target.
func (f *Faulty) Delete(ctx context.Context, name string) error {
	del := func() error { return f.Memory.Delete(ctx, name) }
	return f.run(ctx, f.begin(Op{Method: "delete", Name: name}), del, del)
}
