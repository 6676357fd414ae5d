package mount

import (
	"context"
	"sync"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// refreshInterval is how long a list of snapshots is current.
const refreshInterval = 2 * time.Second

// A listing is the current list of snapshots.
type listing struct {
	load   func(context.Context) ([]*snapshot.Manifest, error)
	now    func() time.Time
	report func(error)

	mu      sync.Mutex
	top     *folder
	at      time.Time
	loading bool
}

// newListing loads a listing and returns it.
func newListing(ctx context.Context, l *listing) (*listing, error) {
	l.at = l.now()
	list, err := l.load(ctx)
	if err != nil {
		if list == nil {
			return nil, err
		}
		l.report(err)
	}
	l.top = layOut(list)
	return l, nil
}

// current returns the top folder. A caller that finds it old reloads it, and others don't
// wait for that. If it can't be loaded, the old one stays.
func (l *listing) current(ctx context.Context) *folder {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if age := now.Sub(l.at); l.loading || age >= 0 && age < refreshInterval {
		return l.top
	}
	l.loading, l.at = true, now
	l.mu.Unlock()
	list, err := l.load(ctx)
	if err != nil {
		l.report(err)
	}
	l.mu.Lock()
	l.loading = false
	if err == nil || list != nil {
		l.top = layOut(list)
	}
	return l.top
}
