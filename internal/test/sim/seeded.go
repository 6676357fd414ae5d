package sim

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
)

// seeded returns an endless source of bytes that depend on a name only. It may be read by
// several goroutines.
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

// An actorRandom is the randomness of one actor. What renews its lease reads from another
// source than the rest, because it may come before or after other reads.
type actorRandom struct{ heartbeats, rest io.Reader }

func newActorRandom(name string) actorRandom {
	return actorRandom{seeded(name + ", beats"), seeded(name)}
}

func (r actorRandom) Read(p []byte) (int, error) {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for more := true; more; {
		var frame runtime.Frame
		if frame, more = frames.Next(); renewsLeases(frame.Function) {
			return r.heartbeats.Read(p)
		}
	}
	return r.rest.Read(p)
}

// renewsLeases reports whether a function is the one that renews a lease until its run
// ends: a method keep, or a goroutine that one begins. TestAHeartbeatDrawsFromASourceOfItsOwn
// fails if it has another name.
func renewsLeases(function string) bool {
	method, _, _ := strings.Cut(function, ".func")
	return strings.HasPrefix(method, "github.com/qsnap/qsnap/") && strings.HasSuffix(strings.ToLower(method), ").keep")
}
