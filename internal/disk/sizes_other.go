//go:build !linux

package disk

// Sizes returns what the sizes of the files on the directory's file system are worth.
func (d *Dir) Sizes() Sizes { return SizesKnown }

// Sizes returns what the sizes of the files on the file's file system are worth.
func (f *File) Sizes() Sizes { return SizesKnown }
