//go:build !linux

package disk

// Sizes returns how reliable sizes are on the directory's file system.
func (d *Dir) Sizes() Sizes { return SizesKnown }

// Sizes returns how reliable sizes are on the file's file system.
func (f *File) Sizes() Sizes { return SizesKnown }
