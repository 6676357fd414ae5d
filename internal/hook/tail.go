package hook

import (
	"strings"
	"sync"
)

// kept is how many bytes of a hook's output are kept.
const kept = 16 << 10

// A tail keeps the end of what is written to it. Who still writes after its end is not held
// up, and changes nothing.
type tail struct {
	mu    sync.Mutex
	bytes []byte // at most twice as much as is kept
	lost  int64
	ended bool
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	if t.ended {
		return n, nil
	}
	if more := len(b) - kept; more > 0 {
		b, t.lost = b[more:], t.lost+int64(more)
	}
	t.bytes = append(t.bytes, b...)
	if len(t.bytes) > 2*kept {
		t.shorten()
	}
	return n, nil
}

// shorten drops all but the end.
func (t *tail) shorten() {
	if more := len(t.bytes) - kept; more > 0 {
		t.bytes = t.bytes[:copy(t.bytes, t.bytes[more:])]
		t.lost += int64(more)
	}
}

// end returns the end of the text, and how many bytes came before it.
func (t *tail) end() (string, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.shorten()
	return strings.ToValidUTF8(string(t.bytes), "\uFFFD"), t.lost
}
