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
// have several, of different kinds.
type Note struct {
	Path string // relative to the root; empty is the root itself
	Kind NoteKind
	Text string // for people; may be empty
}

// A NoteKind says what a note is about.
type NoteKind string

// The kinds of notes. Others may be added; a reader takes one that it doesn't know for
// something that was left out.
const (
	NoteMount      NoteKind = "mount"      // a mount point; what is mounted there was taken
	NoteFileSystem NoteKind = "filesystem" // a mount point; what is mounted there was left out
	NoteCache      NoteKind = "cache"      // a directory of which only CACHEDIR.TAG was taken
	NoteSize       NoteKind = "size"       // a file that is larger than the limit
	NoteProblem    NoteKind = "problem"    // could not be read
	NoteChanged    NoteKind = "changed"    // a file that changed while it was read
	NoteOwn        NoteKind = "own"        // a directory that qsnap itself uses
	NotePart       NoteKind = "part"       // left by an unfinished restore
)

// LeftOut reports whether a note means that something at its path, or below it, is not
// in the snapshot.
func (k NoteKind) LeftOut() bool { return k != NoteMount && k != NoteChanged }

// WriteNotes stores notes as a tree, by put, which must not keep the bytes, and returns
// its root: zero if there are none. It sorts the notes. Of two notes of one kind and path
// it keeps the first.
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

// comparePaths orders paths as a walk meets them: a directory before what is in it.
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

// A noteWriter writes the tree of notes, which come in the order of comparePaths.
type noteWriter struct {
	put  func([]byte) (chunk.ID, error)
	open []noteDir // the directories of the current path, the root first
}

type noteDir struct {
	entry  Entry
	writer *TreeWriter
}

func (w *noteWriter) enter(name string) {
	w.open = append(w.open, noteDir{Entry{Name: name, Type: Dir}, NewTreeWriter(w.put)})
}

// leave ends the last directory and adds it to the one above.
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
			return fmt.Errorf("note on %q: no path has an element %q", n.Path, name)
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

// topName is the only name in the root page: it stands for the snapshot's root, which
// may have notes itself.
const topName = "root"

// ReadNotes yields the notes below a root, in the order of a walk: a directory's before
// those of what is in it. After an error it ends. The zero root has none.
func ReadNotes(ctx context.Context, l Loader, root chunk.ID) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		if root.IsZero() {
			return
		}
		for p, err := range Walk(ctx, l, &Entry{Type: Dir, Subtree: root}) {
			if err != nil {
				yield(Note{Path: noteePath(p.Path)}, err)
				return
			}
			for _, n := range notesOf(p.Entry, noteePath(p.Path)) {
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}

// noteePath returns the path that an entry of the tree of notes is about.
func noteePath(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, topName), "/") }

func notesOf(e *Entry, p string) (out []Note) {
	for _, x := range e.Xattrs {
		out = append(out, Note{p, NoteKind(x.Name), string(x.Value)})
	}
	return out
}

// LookupNotes returns the notes of a path, which is relative to the snapshot's root, and
// whether anything below it has one.
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
