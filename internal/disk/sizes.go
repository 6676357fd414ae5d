package disk

// Sizes says how reliable the size is that a file system reports before a file is read.
type Sizes uint8

const (
	SizesKnown   Sizes = iota // reported sizes are right
	EmptyUnknown              // a file reported as empty may not be empty
	SizesUnknown              // files are generated when they are read
)
