package mount

import (
	"errors"
	"strings"
	"sync"
	"time"
)

// A reporter passes errors on, but not the same error again and again: programs often
// repeat a read after an I/O error.
type reporter struct {
	tell func(error)
	now  func() time.Time

	mu   sync.Mutex
	told map[string]time.Time
}

// How long a report is not repeated, and how many reports are remembered.
const (
	repeatAfter = 10 * time.Second
	maxTold     = 1000
)

func (r *reporter) report(err error) {
	if r.tell == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	text := err.Error()
	if last, ok := r.told[text]; ok && now.Sub(last) < repeatAfter {
		return
	}
	if r.told == nil || len(r.told) >= maxTold {
		r.told = map[string]time.Time{}
	}
	r.told[text] = now
	r.tell(err)
}

// Write receives lines of package log, such as those of the FUSE library.
func (r *reporter) Write(line []byte) (int, error) {
	r.report(errors.New(strings.TrimSpace(string(line))))
	return len(line), nil
}
