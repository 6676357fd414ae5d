//go:build !linux

package repo

// processOf returns nothing: here, only a lease that isn't replaced tells that its
// process has ended.
func processOf() []byte { return nil }

func isDead([]byte) bool { return false }
