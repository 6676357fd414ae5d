package targettest

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/qsnap/qsnap/target"
)

// effect performs an operation that may change an object, and records the object before
// and after.
func (a *Actor) effect(name string, do func() error) Outcome {
	out := Outcome{Before: a.turns.mem.bytes(name)}
	out.Err = do()
	out.After = a.turns.mem.bytes(name)
	return out
}

// Put implements target.Target.
func (a *Actor) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	mem := a.turns.mem
	return a.turn(ctx, Op{Method: "put", Name: name, Size: size}, func(half bool) Outcome {
		return a.effect(name, func() error {
			if half {
				return mem.tear(ctx, name, body, size)
			}
			return mem.Put(ctx, name, body, size)
		})
	}).Err
}

// Get implements target.Target.
func (a *Actor) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	out := a.turn(ctx, Op{Method: "get", Name: name, Off: off, Len: n}, func(bool) Outcome {
		r, err := a.turns.mem.Get(ctx, name, off, n)
		if err != nil {
			return Outcome{Err: err}
		}
		data, err := io.ReadAll(r)
		return Outcome{Data: data, Err: err}
	})
	if out.Err != nil {
		return nil, out.Err
	}
	return io.NopCloser(bytes.NewReader(out.Data)), nil
}

// Stat implements target.Target.
func (a *Actor) Stat(ctx context.Context, name string) (target.Info, error) {
	out := a.turn(ctx, Op{Method: "stat", Name: name}, func(bool) Outcome {
		info, err := a.turns.mem.Stat(ctx, name)
		if err != nil {
			return Outcome{Err: err}
		}
		return Outcome{Infos: []target.Info{info}}
	})
	if out.Err != nil {
		return target.Info{}, out.Err
	}
	return out.Infos[0], nil
}

// List implements target.Target.
func (a *Actor) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		out := a.list(ctx, prefix)
		if out.Err != nil {
			yield(target.Info{}, out.Err)
			return
		}
		for _, info := range out.Infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (a *Actor) list(ctx context.Context, prefix string) Outcome {
	if err := target.ValidPrefix(prefix); err != nil {
		return Outcome{Err: err}
	}
	var from map[string][]byte
	out := a.turn(ctx, Op{Method: "list", Name: prefix}, func(bool) Outcome {
		from = a.turns.mem.Objects()
		return Outcome{Infos: a.turns.listing(prefix, from, from)}
	})
	if out.Err != nil || a.turns.Between == nil {
		return out
	}
	return a.turn(ctx, Op{Method: "listed", Name: prefix}, func(bool) Outcome {
		return Outcome{Infos: a.turns.listing(prefix, from, a.turns.mem.Objects())}
	})
}

// Delete implements target.Target.
func (a *Actor) Delete(ctx context.Context, name string) error {
	return a.turn(ctx, Op{Method: "delete", Name: name}, func(bool) Outcome {
		return a.effect(name, func() error { return a.turns.mem.Delete(ctx, name) })
	}).Err
}
