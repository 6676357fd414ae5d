package targettest

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target"
)

// A Vault is a Memory whose objects can be locked, by a clock of its own. It implements
// target.Locker and target.VersionRestorer.
type Vault struct {
	Memory
	Now      func() time.Time
	For      time.Duration // how long new objects are locked, at least; 0 means not at all
	Prefixes []string      // name prefixes of the objects that are locked

	mu     sync.Mutex
	until  map[string]time.Time
	hidden map[string][]byte
	asked  int
}

// A lockedError means that an object of a Vault is locked.
type lockedError struct {
	name  string
	until time.Time
}

func (e *lockedError) Error() string {
	return fmt.Sprintf("delete %s: the object is locked until %s", e.name, e.until.UTC().Format(time.DateTime))
}

func (e *lockedError) LockedUntil() time.Time { return e.until }

// RetainUntil implements target.Locker. It returns the next whole quarter of For.
func (v *Vault) RetainUntil() time.Time {
	if v.For == 0 {
		return time.Time{}
	}
	step := v.For / 4
	end := v.Now().Add(v.For)
	if rest := time.Duration(end.UnixNano()) % step; rest > 0 {
		end = end.Add(step - rest)
	}
	return end
}

// Put implements target.Target.
func (v *Vault) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := v.Memory.Put(ctx, name, body, size); err != nil {
		return err
	}
	for _, p := range v.Prefixes {
		if v.For > 0 && strings.HasPrefix(name, p) {
			v.set(name, v.RetainUntil())
			break
		}
	}
	return nil
}

func (v *Vault) set(name string, until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.until == nil {
		v.until = map[string]time.Time{}
	}
	if until.After(v.until[name]) {
		v.until[name] = until
	}
}

func (v *Vault) lock(name string) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.until[name]
}

// Lock implements target.Locker.
func (v *Vault) Lock(ctx context.Context, name string, until time.Time) error {
	if _, err := v.Locked(ctx, name); err != nil {
		return err
	}
	v.set(name, until)
	return nil
}

// Locked implements target.Locker.
func (v *Vault) Locked(ctx context.Context, name string) (time.Time, error) {
	v.mu.Lock()
	v.asked++
	v.mu.Unlock()
	if _, err := v.get(ctx, "lock", name); err != nil {
		return time.Time{}, err
	}
	return v.lock(name), nil
}

// Asked returns how often Lock and Locked were called.
func (v *Vault) Asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
}

// Delete implements target.Target.
func (v *Vault) Delete(ctx context.Context, name string) error {
	if until := v.lock(name); until.After(v.Now()) {
		return &lockedError{name, until}
	}
	return v.Memory.Delete(ctx, name)
}

// Hide simulates somebody who may delete objects in spite of locks: it hides a locked
// object, which can be restored.
func (v *Vault) Hide(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hidden == nil {
		v.hidden = map[string][]byte{}
	}
	v.hidden[name] = v.bytes(name)
	v.Set(name, nil)
}

// Hidden implements target.VersionRestorer.
func (v *Vault) Hidden(ctx context.Context, prefix string, f func(target.Info) error) error {
	v.mu.Lock()
	names := slices.Sorted(maps.Keys(v.hidden))
	v.mu.Unlock()
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) || !v.lock(name).After(v.Now()) {
			continue
		}
		if err := f(target.Info{Name: name, Size: int64(len(v.hidden[name]))}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// RestoreHidden implements target.VersionRestorer.
func (v *Vault) RestoreHidden(_ context.Context, name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	b, ok := v.hidden[name]
	if !ok {
		return pathError("bring back", name, fs.ErrNotExist)
	}
	delete(v.hidden, name)
	v.Set(name, b)
	return nil
}

// A Replacing target is a Memory whose Put checks for an object first, and replaces one
// that appears after the check. CreateOnly reports that. Between, unless nil, is called
// in the middle of a Put.
type Replacing struct {
	Memory
	Between func(name string)
}

// CreateOnly implements target.CreateOnlyReporter.
func (*Replacing) CreateOnly(context.Context) (bool, error) { return false, nil }

// Put implements target.Target.
func (r *Replacing) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if _, err := r.Stat(ctx, name); err == nil {
		return pathError("put", name, fs.ErrExist)
	}
	var whole Memory
	if err := whole.Put(ctx, name, body, size); err != nil {
		return err
	}
	if r.Between != nil {
		r.Between(name)
	}
	r.Set(name, whole.bytes(name))
	return nil
}
