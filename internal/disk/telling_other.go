//go:build !linux

package disk

// Telling returns what is known of how the directory tells names apart.
func (d *Dir) Telling() Telling { return TellsPerhaps }

// CanLink reports whether files in the directory can have several names, if that is known
// without writing to it.
func (d *Dir) CanLink() (can, known bool) { return false, false }
