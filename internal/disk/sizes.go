package disk

// Sizes says what a file system's word on the size of a file is worth before the file is
// read.
type Sizes uint8

const (
	SizesKnown   Sizes = iota // a file has the size that it is said to have
	EmptyUnknown              // a file that is said to be empty may not be
	SizesUnknown              // files are made when they are read
)
