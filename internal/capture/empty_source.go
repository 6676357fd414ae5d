package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrEmptySource means that a source had files in an earlier snapshot, or is a mount
// point, and has none now. Usually something wasn't mounted.
var ErrEmptySource = errors.New("the source is empty")

// An emptied error is the reason why the former contents of a directory can't be taken.
type emptied struct{ text string }

func (e emptied) Error() string   { return e.text }
func (emptied) Is(err error) bool { return err == ErrEmptySource }

// A History is what earlier snapshots say about the named paths. All paths are relative
// to the root of this capture.
type History struct {
	Named  map[string]Earlier
	Mounts map[string]bool // mount points of file systems that were taken
}

// Earlier is the place in an earlier snapshot of a path that is named now.
type Earlier struct {
	Root *snapshot.Entry // of the earlier snapshot
	Path string          // relative to its root
}

// of returns the place of a path in an earlier snapshot.
func (h *History) of(p string) (Earlier, bool) {
	for at := p; ; at = path.Dir(at) {
		if at == "." {
			at = ""
		}
		if e, ok := h.Named[at]; ok {
			return Earlier{e.Root, path.Join(e.Path, strings.TrimPrefix(p[len(at):], "/"))}, true
		}
		if at == "" {
			return Earlier{}, false
		}
	}
}

// checkEmptied returns an error if a directory has lost its contents: if it is a named
// directory that had something, or if it is a mount point of an earlier snapshot or of
// /etc/fstab where nothing is mounted now. If a mount point has names in common with the
// earlier snapshot it is taken, with a notice that it is no mount point now.
func (c *capture) checkEmptied(ctx context.Context, n *node, names []string) error {
	named := n.selected != nil && n.selected.Named != "" || c.src.Selected == nil && n.path == ""
	wasMount, planned := c.History.Mounts[n.path] && c.mountsKnown, false
	if c.mountsKnown && len(c.Fstab) > 0 {
		_, planned = c.Fstab[n.real(c)]
	}
	if c.mayBeEmpty(n) || n.only || !named && !wasMount && !planned {
		return nil
	}
	had, common := c.had(ctx, n.path, names)
	away := (wasMount || planned) && !c.isMounted(n)
	switch {
	case away && len(names) == 0 && (had || named):
		return emptied{"it is a mount point where nothing is mounted now"}
	case away && had && !common:
		return emptied{"it is a mount point where nothing is mounted now, and nothing of the last snapshot is there"}
	case named && had && len(names) == 0:
		return emptied{"it had files in the last snapshot and is empty now"}
	case away && wasMount && had && c.Notice != nil:
		c.Notice(n.path, fmt.Errorf("%s was a mount point in the last snapshot and is none now", c.src.Full(n.path)))
	}
	return nil
}

// mayBeEmpty reports whether a directory is allowed to have lost its contents.
func (c *capture) mayBeEmpty(n *node) bool {
	if c.AllowEmpty || len(c.MayBeEmpty) == 0 {
		return c.AllowEmpty
	}
	full := c.src.Full(n.path)
	return slices.ContainsFunc(c.MayBeEmpty, func(dir string) bool {
		return full == dir || strings.HasPrefix(full, strings.TrimSuffix(dir, "/")+"/")
	})
}

// had reports whether a directory had something in it in the earlier snapshot that has
// its named path, and whether it had any of these names.
func (c *capture) had(ctx context.Context, p string, names []string) (had, common bool) {
	earlier, ok := c.History.of(p)
	if !ok {
		return false, false
	}
	e := earlier.Root
	for name := range strings.SplitSeq(earlier.Path, "/") {
		if name == "" {
			continue
		}
		next, err := snapshot.Lookup(ctx, c.Loader, e.Subtree, name)
		if err != nil || next.Type != snapshot.Dir || next.Problem != "" {
			return false, false
		}
		e = next
	}
	now := map[string]bool{}
	for _, name := range names {
		now[name] = true
	}
	for before, err := range snapshot.ReadDir(ctx, c.Loader, e.Subtree) {
		if err != nil {
			break
		}
		had = true
		if now[before.Name] {
			return true, true
		}
	}
	return had, false
}

// isMounted reports whether something is mounted at a directory. The directory is open,
// so an automounter has had its chance.
func (c *capture) isMounted(n *node) bool {
	kind, ok := c.mounts[n.path]
	if ok && kind == "autofs" {
		kind, ok = disk.ReadMounts()[n.real(c)]
		return ok && kind != "autofs"
	}
	return ok || n.path != "" && n.volume.path == n.path
}

// unmounted returns the error of opening a directory. If an automounter is the cause, the
// error says so: the system only reports that there is no such directory, or too many
// links.
func (c *capture) unmounted(path string, err error) error {
	p, ok := errors.AsType[*fs.PathError](err)
	if !ok || c.mounts[path] != "autofs" {
		return err
	}
	return &fs.PathError{Op: p.Op, Path: p.Path, Err: fmt.Errorf("the automounter has mounted nothing: %w", p.Err)}
}

// real returns the path of a directory on the source, with links on the way to the named
// path resolved.
func (n *node) real(c *capture) string {
	full := c.src.Full(n.path)
	if n.selected == nil || n.selected.Named == "" {
		return full
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real
	}
	return full
}

// markEmptied records that the contents of a directory are missing.
func (c *capture) markEmptied(n *node, err error) {
	n.entry().Problem = source.Reason(err)
	c.note(n.path, snapshot.NoteProblem, source.Reason(err))
	if n.selected != nil {
		c.markMissing(n.selected, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.path == "" { // the source has no paths on a disk
		c.namedMissing, c.missing = 1, fmt.Errorf("%s: %w", c.src.Paths[0], err)
	}
	c.result.Missing = append(c.result.Missing, snapshot.Missing{Path: c.src.Full(n.path), Text: source.Reason(err)})
}
