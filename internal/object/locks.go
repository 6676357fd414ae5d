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

// Locks records until when objects are locked at least. A lock is never shortened, so the
// target is asked about each lock once. The record under a snapshot's name says until when
// everything that the snapshot reaches is locked. The records are kept in the local
// directory. If they are lost, or another process overwrites them, the target is asked
// again. Locks is safe for concurrent use.
type Locks struct {
	store *Store
	now   func() time.Time
	path  string // empty if there is no local directory

	mu      sync.Mutex
	until   map[string]int64 // seconds since 1970, by the object's name
	changed bool
}

// Locks returns the records of locks on the target.
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

// Known returns until when an object is locked according to the records, or the zero time.
func (b *Locks) Known(name string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.until[name]; ok {
		return time.Unix(s, 0).UTC()
	}
	return time.Time{}
}

// Note records that an object is locked.
func (b *Locks) Note(name string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := until.Unix(); s > b.until[name] {
		b.until[name] = s
		b.changed = true
	}
}

// Save writes the records of locks that haven't ended to the local directory. If it can't,
// the target is asked again.
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

// ErrLocked means that an object can't be deleted yet, because the target locks it.
var ErrLocked = errors.New("it is locked")

// LockedError returns an ErrLocked that says until when.
func LockedError(until time.Time) error {
	if !until.Before(target.Forever) {
		return fmt.Errorf("%w for ever", ErrLocked)
	}
	return fmt.Errorf("%w until %s", ErrLocked, until.Local().Format(time.DateTime))
}
