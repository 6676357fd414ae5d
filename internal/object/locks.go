package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target"
)

// Locks remembers until when objects are locked, at least, so that the target is asked
// once: a lock is never made shorter. Under a snapshot's name it says until when
// everything that the snapshot reaches is locked. It is kept in the local directory; where
// it is lost, or another process has written it meanwhile, the target is asked again.
// It is safe for concurrent use.
type Locks struct {
	store *Store
	now   func() time.Time
	path  string // or empty

	mu      sync.Mutex
	until   map[string]int64 // seconds since 1970, by the object's name
	changed bool
}

// Locks returns what is known of locks on the target.
func (s *Store) Locks(now func() time.Time) *Locks {
	b := &Locks{store: s, now: now, until: map[string]int64{}}
	if s.dir == "" {
		return b
	}
	b.path = filepath.Join(s.dir, "locks.json")
	text, err := os.ReadFile(b.path)
	if err == nil && json.Unmarshal(text, &b.until) != nil || b.until == nil {
		b.until = map[string]int64{}
	}
	return b
}

// Known returns until when an object is locked, as far as is known.
func (b *Locks) Known(name string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.until[name]; ok {
		return time.Unix(s, 0).UTC()
	}
	return time.Time{}
}

// Note notes that an object is locked.
func (b *Locks) Note(name string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := until.Unix(); s > b.until[name] {
		b.until[name] = s
		b.changed = true
	}
}

// Save keeps what is still true. If it can't, the target is asked again.
func (b *Locks) Save() {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.changed || b.path == "" {
		return
	}
	for name, s := range b.until {
		if s < now.Unix() {
			delete(b.until, name)
		}
	}
	text, err := json.Marshal(b.until)
	if err != nil || os.MkdirAll(filepath.Dir(b.path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(b.path), "locks-*")
	if err != nil {
		return
	}
	_, err = f.Write(text)
	if err = Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), b.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return
	}
	b.changed = false
}

// Until returns until when an object can't be deleted, or the zero time. It asks the
// target unless the object is known to be locked.
func (b *Locks) Until(ctx context.Context, name string) (time.Time, error) {
	l, now := b.store.Locker(), b.now()
	if l == nil {
		return time.Time{}, nil
	}
	if until := b.Known(name); until.After(now) {
		return until, nil
	}
	until, err := l.Locked(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil || !until.After(now) {
		return time.Time{}, err
	}
	b.Note(name, until)
	return until, nil
}

// ErrLocked means that something can't be deleted yet, as the target keeps it until
// some time.
var ErrLocked = errors.New("it is locked")

// LockedError says until when.
func LockedError(until time.Time) error {
	if !until.Before(target.Forever) {
		return fmt.Errorf("%w, without an end", ErrLocked)
	}
	return fmt.Errorf("%w until %s", ErrLocked, until.Local().Format(time.DateTime))
}
