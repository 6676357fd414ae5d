package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/qsnap/qsnap/chunk"
)

// A Note is what a snapshot records of one path that its rules can't repeat. A path may
// have several notes of different kinds.
type Note struct {
	Path string // relative to the root; empty means the root itself
	Kind NoteKind
	Text string // for people; may be empty
}

// A NoteKind says what a note is about.
type NoteKind string

// The kinds of notes. Newer versions may add others; a reader treats an unknown kind as
// something that was left out.
const (
	NoteMount      NoteKind = "mount"      // a mount point whose file system was taken
	NoteFileSystem NoteKind = "filesystem" // a mount point whose file system was left out
	NoteCache      NoteKind = "cache"      // a cache: only its CACHEDIR.TAG was taken
	NoteSize       NoteKind = "size"       // a file that is larger than the limit
	NoteProblem    NoteKind = "problem"    // could not be read
	NoteChanged    NoteKind = "changed"    // a file that changed while it was read
	NoteOwn        NoteKind = "own"        // a directory that qsnap itself uses
	NotePart       NoteKind = "part"       // left by an unfinished restore
)

// LeftOut reports whether a note of this kind means that something at its path, or below
// it, is not in the snapshot.
func (k NoteKind) LeftOut() bool { return k != NoteMount && k != NoteChanged }

// WriteNotes stores notes as a tree and returns its root, which is zero if there are
// none. put stores a page and must not keep the bytes. WriteNotes sorts notes. Of two
// notes with the same kind and path it keeps the first.
func WriteNotes(notes []Note, put func(page []byte) (chunk.ID, error)) (chunk.ID, error) {
	if len(notes) == 0 {
		return chunk.ID{}, nil
	}
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(comparePaths(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	w := noteWriter{put: put}
	for i, n := range notes {
		if i > 0 && n.Path == notes[i-1].Path && n.Kind == notes[i-1].Kind {
			continue
		}
		if err := w.add(n); err != nil {
			return chunk.ID{}, err
		}
	}
	return w.end()
}

// comparePaths orders paths like a walk: a directory before its contents.
func comparePaths(a, b string) int {
	for a != "" && b != "" {
		x, restA, _ := strings.Cut(a, "/")
		y, restB, _ := strings.Cut(b, "/")
		if x != y {
			return cmp.Compare(x, y)
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// A noteWriter writes the tree of notes, which must come in the order of comparePaths.
type noteWriter struct {
	put  func([]byte) (chunk.ID, error)
	open []noteDir // the directories of the current path, starting with the root
}

type noteDir struct {
	entry  Entry
	writer *TreeWriter
}

func (w *noteWriter) enter(name string) {
	w.open = append(w.open, noteDir{Entry{Name: name, Type: Dir}, NewTreeWriter(w.put)})
}

// leave finishes the last directory and adds it to the one above.
func (w *noteWriter) leave() error {
	last := &w.open[len(w.open)-1]
	id, err := last.writer.Finish()
	if err != nil {
		return err
	}
	last.entry.Subtree = id
	w.open = w.open[:len(w.open)-1]
	return w.open[len(w.open)-1].writer.Add(&last.entry)
}

func (w *noteWriter) add(n Note) error {
	names := []string{topName}
	if n.Path != "" {
		names = append(names, strings.Split(n.Path, "/")...)
	}
	if len(w.open) == 0 {
		w.enter("")
	}
	same := 0
	for same < len(names) && same+1 < len(w.open) && w.open[same+1].entry.Name == names[same] {
		same++
	}
	for len(w.open) > same+1 {
		if err := w.leave(); err != nil {
			return err
		}
	}
	for _, name := range names[same:] {
		if !validName(name) {
			return fmt.Errorf("note on %q: invalid path element %q", n.Path, name)
		}
		w.enter(name)
	}
	e := &w.open[len(w.open)-1].entry
	e.Xattrs = append(e.Xattrs, Xattr{Name: string(n.Kind), Value: []byte(n.Text)})
	return nil
}

func (w *noteWriter) end() (chunk.ID, error) {
	for len(w.open) > 1 {
		if err := w.leave(); err != nil {
			return chunk.ID{}, err
		}
	}
	return w.open[0].writer.Finish()
}

// topName is the only name in the root page. It stands for the snapshot's root, which may
// have notes.
const topName = "root"

// ReadNotes yields the notes below a root, in the order of a walk: a directory's notes
// before those of its contents. An error ends the sequence. The zero root has no notes.
func ReadNotes(ctx context.Context, l Loader, root chunk.ID) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		if root.IsZero() {
			return
		}
		_ = Walk(ctx, l, &Entry{Type: Dir, Subtree: root}, func(name string, e *Entry, err error) error {
			if err != nil {
				yield(Note{Path: notedPath(name)}, err)
				return fs.SkipAll
			}
			for _, n := range notesOf(e, notedPath(name)) {
				if !yield(n, nil) {
					return fs.SkipAll
				}
			}
			return nil
		})
	}
}

// notedPath returns the path that an entry of the tree of notes is about.
func notedPath(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, topName), "/") }

func notesOf(e *Entry, p string) (out []Note) {
	for _, x := range e.Xattrs {
		out = append(out, Note{p, NoteKind(x.Name), string(x.Value)})
	}
	return out
}

// LookupNotes returns the notes of a path, which is relative to the snapshot's root, and
// reports whether anything below the path has a note.
func LookupNotes(ctx context.Context, l Loader, root chunk.ID, p string) (here []Note, below bool, err error) {
	if root.IsZero() {
		return nil, false, nil
	}
	e := &Entry{Type: Dir, Subtree: root}
	for name := range strings.SplitSeq(path.Join(topName, p), "/") {
		e, err = Lookup(ctx, l, e.Subtree, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	for _, err := range ReadDir(ctx, l, e.Subtree) {
		return notesOf(e, p), true, err
	}
	return notesOf(e, p), false, nil
}
