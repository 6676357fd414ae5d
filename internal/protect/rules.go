package protect

import (
	"context"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

// Rules say what a snapshot does not cover, as far as the snapshot records it: none of
// that may be deleted. Paths are relative to the snapshot's root.
type Rules struct {
	Base        string // the path of Options.Root
	Nothing     string // why nothing may be deleted at all, or empty
	Patterns    *ignore.Set
	IgnoreFiles []string // the last one takes precedence
	SkipCaches  bool
	MaxFileSize int64             // 0 means no limit
	Listed      map[string]string // paths that were left out, and why
	// Noted returns the snapshot's notes on a path. It is nil if there are no notes.
	Noted func(ctx context.Context, path string) (Noted, error)
	// Load returns the directories from the snapshot's root to Root, which is the last.
	Load func(ctx context.Context) ([]snapshot.Entry, error)
	// Own are files and directories that are not deleted, with the reasons.
	Own map[disk.FileID]string
}

// Noted is what a snapshot notes on one path.
type Noted struct {
	LeftOut string // why something at the path is not in the snapshot, or empty
	Mount   bool   // it was a mount point whose file system was taken
	Below   bool   // there are notes on paths below it
}
