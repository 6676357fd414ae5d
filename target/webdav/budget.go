package webdav

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target"
)

// A Budget is how many requests a server accepts in some time, such as 600 in half an
// hour (Nutstore, free of charge; 1,500 for paying users). Further requests wait until
// the budget allows them or the context is cancelled. The zero value means no limit.
type Budget struct {
	Requests int           // in any interval, whenever it begins
	Interval time.Duration // half an hour if zero

	// State is a file in which all processes of this machine count together, and which
	// outlives them. If it is lost or damaged, counting starts again. If State is empty,
	// only this Target's requests are counted. Each account needs a file of its own.
	State string

	// Waiting, if set, is called with the time that a request is going to wait.
	Waiting func(time.Duration)
}

// fineness is the number of slices into which an interval is divided for counting.
const fineness = 30

// A usage is what is recorded: as JSON in the state file.
type usage struct {
	Slices  []timeSlice `json:"slices"`           // in order of time
	Blocked time.Time   `json:"blocked,omitzero"` // the server accepts nothing until then
}

// A timeSlice counts the requests since a moment.
type timeSlice struct {
	Start    time.Time `json:"start"`
	Requests int       `json:"requests"`
}

// take counts a request at now, or returns how long it must wait for its turn.
func (u *usage) take(now time.Time, limit int, interval time.Duration) (wait time.Duration) {
	width := interval / fineness
	// A slice counts until its last moment is an interval ago. A slice in the future was
	// written before the clock was set back.
	kept, sum := u.Slices[:0], 0
	for _, s := range u.Slices {
		if now.Before(s.Start.Add(width+interval)) && !s.Start.After(now) {
			kept, sum = append(kept, s), sum+s.Requests
		}
	}
	u.Slices = kept
	if wait := u.Blocked.Sub(now); wait > 0 && wait <= 2*interval {
		return wait
	}
	u.Blocked = time.Time{}
	if sum >= limit {
		return kept[0].Start.Add(width + interval).Sub(now)
	}
	if n := len(kept); n == 0 || now.Sub(kept[n-1].Start) >= width {
		u.Slices = append(kept, timeSlice{Start: now})
	}
	u.Slices[len(u.Slices)-1].Requests++
	return 0
}

// A pacer enforces a budget. It is safe for concurrent use, and any number of processes
// may use the state file.
type pacer struct {
	Budget
	interval time.Duration
	now      func() time.Time
	mu       sync.Mutex
	own      usage // used without a state file
}

func newPacer(b Budget, now func() time.Time) (*pacer, error) {
	p := &pacer{Budget: b, interval: b.Interval, now: now}
	if p.interval == 0 {
		p.interval = 30 * time.Minute
	}
	if b.Requests < 0 || p.interval < fineness {
		return nil, errors.New("webdav: the budget is negative")
	}
	if b.Requests > 0 && b.State != "" {
		if err := os.MkdirAll(filepath.Dir(b.State), 0o700); err != nil {
			return nil, fmt.Errorf("webdav: count of requests: %w", err)
		}
	}
	return p, nil
}

// take waits until another request may be sent.
func (p *pacer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.Requests == 0 {
		return err
	}
	for told := false; ; told = true {
		var wait time.Duration
		err := p.update(func(u *usage) { wait = u.take(p.now(), p.Requests, p.interval) })
		if err != nil || wait == 0 {
			return err
		}
		if p.Waiting != nil && !told {
			p.Waiting(wait)
		}
		if err := rest(ctx, wait); err != nil {
			return err
		}
	}
}

// rest waits on purpose; a Watchdog must not take that for a stall.
func rest(ctx context.Context, wait time.Duration) error {
	defer target.Pause(ctx)()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// heed records an answer by which the server asks for a pause.
func (p *pacer) heed(resp *http.Response, said []byte) error {
	if p.Requests == 0 || resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests {
		return nil
	}
	after := retryAfter(resp.Header.Get("Retry-After"), p.now())
	if bytes.Contains(said, []byte(blockedTemporarily)) {
		after = max(after, p.interval)
	}
	if after == 0 {
		return nil
	}
	return p.update(func(u *usage) { u.Blocked = p.now().Add(min(after, 2*p.interval)) })
}

// update changes the record, one call at a time.
func (p *pacer) update(change func(*usage)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.State == "" {
		change(&p.own)
		return nil
	}
	err := p.updateState(change)
	if err != nil {
		return fmt.Errorf("count of requests: %w", err)
	}
	return nil
}

func (p *pacer) updateState(change func(*usage)) error {
	unlock, err := lockFile(p.State + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	var u usage
	b, err := os.ReadFile(p.State)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && json.Unmarshal(b, &u) != nil {
		u = usage{} // damaged: the server enforces its limit itself
	}
	change(&u)
	if b, err = json.Marshal(u); err != nil {
		return err
	}
	next := p.State + ".new" // we hold the lock
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, p.State)
}
