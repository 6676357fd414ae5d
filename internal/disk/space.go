package disk

// Space is the free space on a file system.
type Space struct {
	Known       bool
	Bytes       uint64
	InodesKnown bool // false for file systems that create inodes as needed
	Inodes      uint64
}
