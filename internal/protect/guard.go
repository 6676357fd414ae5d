package protect

import (
	"context"
	"slices"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source reads what the snapshot holds.
type Source interface {
	snapshot.Loader
	// Chunk returns a chunk from any place where it can be read.
	Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
}

// A Guard decides what must stay in a destination. It is used by one goroutine.
type Guard struct {
	Rules  *Rules
	Source Source
	Root   *snapshot.Entry // the directory that is restored
	// Whole reports whether the snapshot holds everything that was in a directory, whose
	// path is relative to Root. Nil means always true.
	Whole func(path string) bool
	// Replaces says that existing files are always made equal to the snapshot's, its
	// ignore files included.
	Replaces bool

	Unsure bool   // something in the snapshot that decides about deletion can't be read
	Kept   uint64 // entries that ignore files of the destination protect; the caller adds those that were not examined
}

// ownNames are names that file systems and their tools use.
var ownNames = map[string]bool{
	"lost+found": true, ".snapshots": true, ".snapshot": true, ".zfs": true,
	"aquota.user": true, "aquota.group": true, "quota.user": true, "quota.group": true,
	"System Volume Information": true, "$RECYCLE.BIN": true,
}

// Reason returns why an entry that the snapshot doesn't have must stay, or "". For a
// directory it decides only about the directory itself, not about its contents.
func (g *Guard) Reason(ctx context.Context, l *Level, e *snapshot.Entry, place disk.Identity) (string, error) {
	full, isDir := l.join(e.Name), e.Type == snapshot.Dir
	switch own := g.Rules.Own[place.File()]; {
	case own != "" && place.Inode != 0:
		return own, nil
	case !place.On(l.place):
		return "a file system is mounted there", nil
	case l.Stays != "":
		return l.Stays, nil
	case !l.Whole:
		return "the snapshot holds only a part of the directory it is in", nil
	case disk.IsPart(e.Name) || disk.IsAside(e.Name):
		return "it was left by an unfinished restore", nil
	case ownNames[e.Name]:
		return "it belongs to the file system", nil
	case g.Rules.Listed[full] != "":
		return g.Rules.Listed[full], nil
	case g.Rules.MaxFileSize > 0 && e.Type == snapshot.File && e.Size > g.Rules.MaxFileSize:
		return "it is larger than what the snapshot takes", nil
	}
	if l.noted {
		n, err := g.Rules.Noted(ctx, full)
		switch {
		case err != nil:
			g.Unsure = true
			return "", err
		case n.LeftOut != "":
			return n.LeftOut, nil
		case n.Mount:
			return "a file system was mounted here", nil
		case n.Below:
			return "the snapshot left out something in it", nil
		}
	}
	if why := g.excludes(l, full, isDir); why != "" {
		return why, nil
	}
	if e.Type == snapshot.File && g.Kept > l.kept && slices.Contains(g.Rules.IgnoreFiles, e.Name) {
		return "what it leaves out stays, too", nil
	}
	return "", nil
}
