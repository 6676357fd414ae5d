package targettest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// A Memory is a target in memory. Its zero value is empty and ready to use.
type Memory struct {
	mu      sync.RWMutex
	objects map[string][]byte
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Put implements target.Target.
func (m *Memory) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := target.ValidName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b := make([]byte, size)
	if n, err := body.ReadAt(b, 0); int64(n) < size {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return pathError("put", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[name]; ok {
		return pathError("put", name, fs.ErrExist)
	}
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	m.objects[name] = b
	return nil
}

func (m *Memory) get(ctx context.Context, op, name string) ([]byte, error) {
	if err := target.ValidName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	b, ok := m.objects[name]
	if !ok {
		return nil, pathError(op, name, fs.ErrNotExist)
	}
	return b, nil
}

// Get implements target.Target.
func (m *Memory) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	b, err := m.get(ctx, "get", name)
	if err != nil {
		return nil, err
	}
	size := int64(len(b))
	if off < 0 || off > size || n > size-off {
		return nil, pathError("get", name, fmt.Errorf("%d bytes at %d: %w of %d bytes", n, off, io.ErrUnexpectedEOF, size))
	}
	b = b[off:]
	if n >= 0 {
		b = b[:n]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Stat implements target.Target.
func (m *Memory) Stat(ctx context.Context, name string) (target.Info, error) {
	b, err := m.get(ctx, "stat", name)
	if err != nil {
		return target.Info{}, err
	}
	return target.Info{Name: name, Size: int64(len(b))}, nil
}

// List implements target.Target.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		err := target.ValidPrefix(prefix)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(target.Info{}, err)
			return
		}
		m.mu.RLock()
		names := slices.Sorted(maps.Keys(m.objects))
		m.mu.RUnlock()
		for _, name := range names {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if b, err := m.get(ctx, "list", name); err == nil && !yield(target.Info{Name: name, Size: int64(len(b))}, nil) {
				return
			}
		}
	}
}

// Delete implements target.Target.
func (m *Memory) Delete(ctx context.Context, name string) error {
	if _, err := m.get(ctx, "delete", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[name]; !ok {
		return pathError("delete", name, fs.ErrNotExist)
	}
	delete(m.objects, name)
	return nil
}

// Objects returns a copy of the map of all objects. The bytes are not copied and must not
// be changed.
func (m *Memory) Objects() map[string][]byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.objects)
}

// bytes returns an object, or nil if there is none.
func (m *Memory) bytes(name string) []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.objects[name]
}

// Set replaces an object's bytes, or removes the object if b is nil. No user of a target
// could do that: it simulates damage to stored objects.
func (m *Memory) Set(name string, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = map[string][]byte{}
	}
	if b == nil {
		delete(m.objects, name)
		return
	}
	m.objects[name] = b
}

// Clone returns a target with the same objects.
func (m *Memory) Clone() *Memory { return &Memory{objects: m.Objects()} }
