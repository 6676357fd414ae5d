package disk

// Space is what is free on a file system.
type Space struct {
	Known       bool
	Bytes       uint64
	InodesKnown bool // some file systems have as many as they need
	Inodes      uint64
}
