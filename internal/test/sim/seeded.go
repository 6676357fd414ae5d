package sim

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
)

// seeded returns an endless source of bytes that depend on a name only.
func seeded(name string) io.Reader {
	return &seededReader{random: rand.NewChaCha8(sha256.Sum256([]byte(name)))}
}

type seededReader struct {
	mu     sync.Mutex
	random *rand.ChaCha8
}

func (s *seededReader) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Read(p)
}

// A lot is what is drawn by one actor. What its heartbeat draws is drawn from another
// source than the rest, as it may come before or after that.
type lot struct{ beats, rest io.Reader }

func newLot(name string) lot { return lot{seeded(name + ", beats"), seeded(name)} }

func (l lot) Read(p []byte) (int, error) {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for more := true; more; {
		var frame runtime.Frame
		if frame, more = frames.Next(); strings.HasSuffix(frame.Function, "repo.(*hold).keep") {
			return l.beats.Read(p)
		}
	}
	return l.rest.Read(p)
}
