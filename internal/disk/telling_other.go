//go:build !linux

package disk

// Telling returns what is known of how the directory tells names apart.
func (d *Dir) Telling() Telling { return TellsPerhaps }
