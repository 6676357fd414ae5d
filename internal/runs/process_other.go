//go:build !linux

package runs

// Process returns nothing: here, only a lease that isn't replaced tells that its
// process has ended.
func Process() []byte { return nil }

// HasEnded reports whether a process of this machine has surely ended.
func HasEnded([]byte) bool { return false }
