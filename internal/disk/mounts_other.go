//go:build !linux

package disk

import "github.com/qsnap/qsnap/snapshot"

// ReadMounts returns nothing on this system.
func ReadMounts() Mounts { return Mounts{} }

// Clock is not supported on this system.
func Clock(string) (device uint64, now snapshot.Time, ok bool) { return 0, now, false }

// Types returns nothing on this system.
func (d *Dir) Types() map[string]snapshot.Type { return nil }
