package extract

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

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
	Own map[FileID]string
}

// Noted is what a snapshot notes on one path.
type Noted struct {
	LeftOut string // why something at the path is not in the snapshot, or empty
	Mount   bool   // it was a mount point whose file system was taken
	Below   bool   // there are notes on paths below it
}

// A FileID identifies a file on a machine.
type FileID struct{ Device, Inode uint64 }

// ownNames are names that file systems and their tools use.
var ownNames = map[string]bool{
	"lost+found": true, ".snapshots": true, ".snapshot": true, ".zfs": true,
	"aquota.user": true, "aquota.group": true, "quota.user": true, "quota.group": true,
	"System Volume Information": true, "$RECYCLE.BIN": true,
}

const (
	cacheTag          = "CACHEDIR.TAG"
	cacheTagSignature = "Signature: 8a477f597d28d172789f06886806bc55"
	maxIgnoreFile     = 1 << 20
)

// A level is what is known about one directory of the destination: which rules apply in
// it.
type level struct {
	path  string        // path from the snapshot's root
	place disk.Identity // of the directory
	rules []*ignore.Set // of ignore files: those in the snapshot, and those in the destination
	noted bool          // there may be notes on paths below it
	stays string        // why nothing in it, or below it, may be deleted
	whole bool          // the snapshot holds everything that was in it
	mount string        // its mount point, if that isn't the root's

	mounted bool   // it is a mount point
	known   bool   // down to it, the mount points are the same as in the snapshot
	named   bool   // it is a named path that is restored in place
	kept    uint64 // sweep.kept when the directory was entered
}

// join returns the path, from the snapshot's root, of a name in the directory.
func (l *level) join(name string) string { return path.Join(l.path, name) }

// top returns the level of the destination's root.
func (s *sweep) top(ctx context.Context, out *disk.Out) (*level, error) {
	l := &level{path: s.rules.Base, stays: s.rules.Nothing, noted: s.rules.Noted != nil, rules: make([]*ignore.Set, ofDestination+1)}
	var err error
	if l.place, err = out.Identify(""); err != nil {
		return nil, err
	}
	l.known = true
	if s.rules.Load != nil {
		dirs, err := s.rules.Load(ctx)
		if err != nil {
			s.unsure = true
			return nil, err
		}
		if err := s.above(ctx, l, dirs); err != nil {
			return nil, err
		}
	}
	return l, s.enter(ctx, l, out, &s.x.Root)
}

// below returns the level of a subdirectory. The entry is nil if the snapshot doesn't
// have the subdirectory.
func (s *sweep) below(ctx context.Context, l *level, d *dir, out *disk.Out, e *snapshot.Entry) (*level, error) {
	sub := &level{path: path.Join(s.rules.Base, d.path), noted: l.noted, stays: l.stays, rules: l.rules, mount: l.mount, known: l.known}
	var err error
	if sub.place, err = out.Identify(""); err != nil {
		return nil, err
	}
	if sub.mounted = !sub.place.On(l.place); sub.mounted {
		sub.mount = d.path
		sub.stays = cmp.Or(sub.stays, onOtherFileSystem)
	} else if ownNames[path.Base(sub.path)] && sub.stays == "" {
		sub.stays = "it belongs to the file system"
	}
	sub.named = s.x.InPlace && d.parent != nil && s.x.onTheWay(d.parent) && !s.x.onTheWay(d)
	return sub, s.enter(ctx, sub, out, e)
}

const onOtherFileSystem = "it is on another file system"

// enter completes a level with the directory's contents, in the destination and in the
// snapshot.
func (s *sweep) enter(ctx context.Context, l *level, out *disk.Out, e *snapshot.Entry) error {
	l.kept = s.kept
	l.whole = s.x.Whole == nil || s.x.Whole(s.relative(l.path))
	var n Noted
	if l.noted {
		var err error
		if n, err = s.rules.Noted(ctx, l.path); err != nil {
			s.unsure = true
			return err
		}
		l.noted = n.Below
	}
	wasMount := n.Mount && l.path != s.rules.Base
	l.known = l.known && l.mounted == wasMount
	if l.named && l.known && l.stays == onOtherFileSystem { // it is a separate root
		l.mount, l.stays = "", ""
	}
	switch {
	case l.stays != "":
	case n.LeftOut != "":
		l.stays = n.LeftOut
	case wasMount && !l.mounted:
		l.stays = "a file system was mounted here, and none is now"
	}
	if why := s.rules.Listed[l.path]; why != "" && l.stays == "" {
		l.stays = why
	}
	if l.stays == "" && s.rules.SkipCaches && isCache(out) {
		l.stays = "it is in a cache"
	}
	var heeded []string
	if e != nil {
		var err error
		if heeded, err = s.readSnapshotRules(ctx, l, e); err != nil {
			return err
		}
	}
	if !s.x.replacesAll() {
		heeded = nil
	}
	return s.readRules(l, out, heeded)
}

// relative converts a path from the snapshot's root to one from the extraction's root.
func (s *sweep) relative(p string) string {
	return strings.TrimPrefix(strings.TrimPrefix(p, s.rules.Base), "/")
}

// isCache reports whether a directory is tagged as a cache.
func isCache(out *disk.Out) bool {
	tag, err := head(out, cacheTag, int64(len(cacheTagSignature)))
	return err == nil && string(tag) == cacheTagSignature
}

// head returns the first bytes of an existing file.
func head(out *disk.Out, name string, n int64) ([]byte, error) {
	var e snapshot.Entry
	if _, err := out.Lstat(name, &e); err != nil {
		return nil, err
	}
	if e.Type != snapshot.File {
		return nil, fs.ErrNotExist
	}
	f, _, err := out.Dir.Open(name, &e)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

// spares returns why an entry that the snapshot doesn't have must stay, or "". For a
// directory it decides only about the directory itself, not about its contents.
func (s *sweep) spares(ctx context.Context, l *level, e *snapshot.Entry, place disk.Identity) (string, error) {
	full, isDir := l.join(e.Name), e.Type == snapshot.Dir
	switch own := s.rules.Own[FileID{place.Device, place.Inode}]; {
	case own != "" && place.Inode != 0:
		return own, nil
	case !place.On(l.place):
		return "a file system is mounted there", nil
	case l.stays != "":
		return l.stays, nil
	case !l.whole:
		return "the snapshot holds only a part of the directory it is in", nil
	case disk.IsPart(e.Name) || disk.IsAside(e.Name):
		return "it was left by an unfinished restore", nil
	case ownNames[e.Name]:
		return "it belongs to the file system", nil
	case s.rules.Listed[full] != "":
		return s.rules.Listed[full], nil
	case s.rules.MaxFileSize > 0 && e.Type == snapshot.File && e.Size > s.rules.MaxFileSize:
		return "it is larger than what the snapshot takes", nil
	}
	if l.noted {
		n, err := s.rules.Noted(ctx, full)
		switch {
		case err != nil:
			s.unsure = true
			return "", err
		case n.LeftOut != "":
			return n.LeftOut, nil
		case n.Mount:
			return "a file system was mounted here", nil
		case n.Below:
			return "the snapshot left out something in it", nil
		}
	}
	if why := s.excludes(l, full, isDir); why != "" {
		return why, nil
	}
	if e.Type == snapshot.File && s.kept > l.kept && slices.Contains(s.rules.IgnoreFiles, e.Name) {
		return "what it leaves out stays, too", nil
	}
	return "", nil
}
