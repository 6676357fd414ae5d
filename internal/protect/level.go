package protect

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/snapshot"
)

const (
	cacheTag          = "CACHEDIR.TAG"
	cacheTagSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

// A Level is what is known about one directory of the destination: which rules apply in
// it.
type Level struct {
	Whole bool   // the snapshot holds everything that was in it
	Stays string // why nothing in it, or below it, may be deleted
	Mount string // its mount point, if that isn't the root's

	path  string        // path from the snapshot's root
	place disk.Identity // of the directory
	rules []*ignore.Set // of ignore files: those in the snapshot, and those in the destination
	noted bool          // there may be notes on paths below it

	mounted bool   // it is a mount point
	known   bool   // down to it, the mount points are the same as in the snapshot
	named   bool   // it is a named path that is restored in place
	kept    uint64 // Guard.Kept when the directory was entered
}

// join returns the path, from the snapshot's root, of a name in the directory.
func (l *Level) join(name string) string { return path.Join(l.path, name) }

// Top returns the level of the destination's root.
func (g *Guard) Top(ctx context.Context, out *disk.Out) (*Level, error) {
	l := &Level{path: g.Rules.Base, Stays: g.Rules.Nothing, noted: g.Rules.Noted != nil, rules: make([]*ignore.Set, ofDestination+1)}
	var err error
	if l.place, err = out.Identify(""); err != nil {
		return nil, err
	}
	l.known = true
	if g.Rules.Load != nil {
		dirs, err := g.Rules.Load(ctx)
		if err != nil {
			g.Unsure = true
			return nil, err
		}
		if err := g.above(ctx, l, dirs); err != nil {
			return nil, err
		}
	}
	return l, g.enter(ctx, l, out, g.Root)
}

// Below returns the level of a subdirectory at a path relative to Root. named says that it
// is a named path that is restored in place. The entry is nil if the snapshot doesn't
// have the subdirectory.
func (g *Guard) Below(ctx context.Context, l *Level, rel string, named bool, out *disk.Out, e *snapshot.Entry) (*Level, error) {
	sub := &Level{path: path.Join(g.Rules.Base, rel), noted: l.noted, Stays: l.Stays, rules: l.rules, Mount: l.Mount, known: l.known, named: named}
	var err error
	if sub.place, err = out.Identify(""); err != nil {
		return nil, err
	}
	if sub.mounted = !sub.place.On(l.place); sub.mounted {
		sub.Mount = rel
		sub.Stays = cmp.Or(sub.Stays, onOtherFileSystem)
	} else if ownNames[path.Base(sub.path)] && sub.Stays == "" {
		sub.Stays = "it belongs to the file system"
	}
	return sub, g.enter(ctx, sub, out, e)
}

const onOtherFileSystem = "it is on another file system"

// enter completes a level with the directory's contents, in the destination and in the
// snapshot.
func (g *Guard) enter(ctx context.Context, l *Level, out *disk.Out, e *snapshot.Entry) error {
	l.kept = g.Kept
	l.Whole = g.Whole == nil || g.Whole(g.relative(l.path))
	var n Noted
	if l.noted {
		var err error
		if n, err = g.Rules.Noted(ctx, l.path); err != nil {
			g.Unsure = true
			return err
		}
		l.noted = n.Below
	}
	wasMount := n.Mount && l.path != g.Rules.Base
	l.known = l.known && l.mounted == wasMount
	if l.named && l.known && l.Stays == onOtherFileSystem { // it is a separate root
		l.Mount, l.Stays = "", ""
	}
	switch {
	case l.Stays != "":
	case n.LeftOut != "":
		l.Stays = n.LeftOut
	case wasMount && !l.mounted:
		l.Stays = "a file system was mounted here, and none is now"
	}
	if why := g.Rules.Listed[l.path]; why != "" && l.Stays == "" {
		l.Stays = why
	}
	if l.Stays == "" && g.Rules.SkipCaches && isCache(out) {
		l.Stays = "it is in a cache"
	}
	var heeded []string
	if e != nil {
		var err error
		if heeded, err = g.readSnapshotRules(ctx, l, e); err != nil {
			return err
		}
	}
	if !g.Replaces {
		heeded = nil
	}
	return g.readRules(l, out, heeded)
}

// relative converts a path from the snapshot's root to one from the extraction's root.
func (g *Guard) relative(p string) string {
	return strings.TrimPrefix(strings.TrimPrefix(p, g.Rules.Base), "/")
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
