package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// ErrEmptySource means that a source had files in an earlier snapshot, or is a mount point,
// and that nothing of it is there now. More often than not something wasn't mounted.
var ErrEmptySource = errors.New("the source is empty")

// An emptied is why what was in a directory can't be taken.
type emptied struct{ text string }

func (e emptied) Error() string   { return e.text }
func (emptied) Is(err error) bool { return err == ErrEmptySource }

// A History is what earlier snapshots say of the named paths. All paths are relative to
// the root of what is captured now.
type History struct {
	Named  map[string]Earlier
	Mounts map[string]bool // where file systems were mounted whose files were taken
}

// Earlier is where an earlier snapshot has what is named now.
type Earlier struct {
	Root *snapshot.Entry // of the earlier snapshot
	Path string          // relative to its root
}

// of returns where an earlier snapshot has a path.
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

// checkEmptied returns an error if what was in a directory, or should be, is not there:
// if it is a named one that had something, or a mount point of an earlier snapshot or of
// /etc/fstab where nothing is mounted now. Where a mount point has names in common with
// the earlier snapshot it is taken, and a notice says that it is none now.
func (c *capture) checkEmptied(ctx context.Context, n *node, names []string) error {
	named := n.selected != nil && n.selected.named != "" || c.src.selected == nil && n.path == ""
	wasMount, planned := c.History.Mounts[n.path] && c.mountsKnown, false
	if c.mountsKnown && len(c.Fstab) > 0 {
		_, planned = c.Fstab[n.real(c)]
	}
	if c.AllowEmpty || n.only || !named && !wasMount && !planned {
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
		c.Notice(n.path, fmt.Errorf("%s was a mount point in the last snapshot and is none now", c.src.full(n.path)))
	}
	return nil
}

// had reports whether a directory had something in it in the earlier snapshot that
// its named path was taken by, and whether any of these names.
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

// isMounted reports whether something is mounted at a directory, which is open: so an
// automounter has had its chance.
func (c *capture) isMounted(n *node) bool {
	kind, ok := c.mounts[n.path]
	if ok && kind == "autofs" {
		kind, ok = disk.ReadMounts()[n.real(c)]
		return ok && kind != "autofs"
	}
	return ok || n.path != "" && n.place.path == n.path
}

// unmounted returns the error of opening a directory as one that names the automounter, if
// that is why: the system only says that there is no such directory, or too many links.
func (c *capture) unmounted(path string, err error) error {
	p, ok := errors.AsType[*fs.PathError](err)
	if !ok || c.mounts[path] != "autofs" {
		return err
	}
	return &fs.PathError{Op: p.Op, Path: p.Path, Err: fmt.Errorf("the automounter has mounted nothing: %w", p.Err)}
}

// real returns the path of a directory on the source, links on the way to the named path
// resolved.
func (n *node) real(c *capture) string {
	full := c.src.full(n.path)
	if n.selected == nil || n.selected.named == "" {
		return full
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real
	}
	return full
}

// absent notes that what was in a directory is not there.
func (c *capture) absent(n *node, err error) {
	n.entry().Problem = reason(err)
	c.note(n.path, snapshot.NoteProblem, reason(err))
	if n.selected != nil {
		c.missed(n.selected, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.path == "" { // of a source that has no paths on a disk
		c.namedMissing, c.missing = 1, fmt.Errorf("%s: %w", c.src.Paths[0], err)
	}
	c.result.Missing = append(c.result.Missing, snapshot.Missing{Path: c.src.full(n.path), Text: reason(err)})
}
