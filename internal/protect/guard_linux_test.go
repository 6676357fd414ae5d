package protect_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/snapshot"
)

// A memory is a repository's trees and chunks.
type memory struct {
	t      *testing.T
	hasher *chunk.Hasher
	blobs  map[chunk.ID][]byte
}

func newMemory(t *testing.T) *memory {
	return &memory{t, chunk.NewHasher([32]byte{1}), map[chunk.ID][]byte{}}
}

func (m *memory) put(b []byte) (chunk.ID, error) {
	id := m.hasher.ID(b)
	m.blobs[id] = bytes.Clone(b)
	return id, nil
}

func (m *memory) Tree(ctx context.Context, id chunk.ID) ([]byte, error) { return m.Chunk(ctx, id) }

func (m *memory) Chunk(_ context.Context, id chunk.ID) ([]byte, error) {
	if b, ok := m.blobs[id]; ok {
		return b, nil
	}
	return nil, errors.New("chunk " + id.Short() + " is lost")
}

// file returns a file of the snapshot. Each piece is a chunk, and an empty one is a hole.
func (m *memory) file(name string, pieces ...string) snapshot.Entry {
	e := snapshot.Entry{Name: name, Type: snapshot.File, Mode: 0o644}
	for _, p := range pieces {
		if p == "" {
			e.Holes = append(e.Holes, snapshot.Hole{Offset: e.Size, Length: 4096})
			e.Size += 4096
			continue
		}
		id, _ := m.put([]byte(p))
		e.Content = append(e.Content, snapshot.Chunk{ID: id, Length: uint32(len(p))})
		e.Size += int64(len(p))
	}
	return e
}

// dir returns a directory of the snapshot with these entries, which are in order.
func (m *memory) dir(name string, entries ...snapshot.Entry) snapshot.Entry {
	m.t.Helper()
	w := snapshot.NewTreeWriter(m.put)
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			m.t.Fatal(err)
		}
	}
	id, err := w.Finish()
	if err != nil {
		m.t.Fatal(err)
	}
	return snapshot.Entry{Name: name, Type: snapshot.Dir, Mode: 0o755, Subtree: id}
}

// open opens a new destination with these files.
func open(t *testing.T, files map[string]string) *disk.Out {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	session := disk.NewSession()
	out, err := disk.OpenOut(dir, session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		session.End()
	})
	return out
}

// reason returns why a name in the destination must stay.
func reason(t *testing.T, g *protect.Guard, l *protect.Level, out *disk.Out, name string) string {
	t.Helper()
	var e snapshot.Entry
	if _, err := out.Lstat(name, &e); err != nil {
		t.Fatal(err)
	}
	place, err := out.Identify(name)
	if err != nil {
		t.Fatal(err)
	}
	why, err := g.Reason(t.Context(), l, &e, place)
	if err != nil {
		t.Fatal(err)
	}
	return why
}

// expect checks the reasons in a directory. An empty one means that the name may be deleted.
func expect(t *testing.T, g *protect.Guard, l *protect.Level, out *disk.Out, want map[string]string) {
	t.Helper()
	for name, part := range want {
		if why := reason(t, g, l, out, name); (why == "") != (part == "") || !strings.Contains(why, part) {
			t.Errorf("%s stays for %q, not %q", name, why, part)
		}
	}
}

// top returns the level of the destination's root.
func top(t *testing.T, g *protect.Guard, out *disk.Out) *protect.Level {
	t.Helper()
	l, err := g.Top(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhatTheSnapshotDidNotCoverStays(t *testing.T) {
	m := newMemory(t)
	root := m.dir("")
	out := open(t, map[string]string{"a": "1", "b.log": "1", "big": strings.Repeat("x", 101), "lost+found/x": "", "listed": "", "noted": "", "key": "", "d/x": ""})
	key, err := out.Identify("key")
	if err != nil {
		t.Fatal(err)
	}
	rule, err := ignore.Parse("*.log", "--exclude")
	if err != nil {
		t.Fatal(err)
	}
	var patterns *ignore.Set
	g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{
		Base: "srv", Patterns: patterns.With("", []ignore.Rule{rule}), MaxFileSize: 100,
		Listed: map[string]string{"srv/listed": "it could not be read"},
		Own:    map[disk.FileID]string{key.File(): "it is a key"},
		Noted: func(_ context.Context, path string) (n protect.Noted, err error) {
			switch path {
			case "srv":
				n.Below = true
			case "srv/noted":
				n.LeftOut = "it is a cache"
			case "srv/d":
				n.Below = true
			}
			return n, nil
		},
	}}
	expect(t, g, top(t, g, out), out, map[string]string{
		"a": "", "b.log": "--exclude: *.log", "big": "larger", "lost+found": "file system", "listed": "could not be read",
		"noted": "a cache", "key": "a key", "d": "left out something in it",
	})
}

func TestNothingGoesWhereTheSnapshotHoldsOnlyAPart(t *testing.T) {
	m := newMemory(t)
	root := m.dir("")
	out := open(t, map[string]string{"a": ""})
	g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{}, Whole: func(path string) bool { return path != "" }}
	l := top(t, g, out)
	expect(t, g, l, out, map[string]string{"a": "only a part"})
	l.Whole = true
	expect(t, g, l, out, map[string]string{"a": ""})
	l.Stays = "it lies behind a link"
	expect(t, g, l, out, map[string]string{"a": "behind a link"})
	g.Rules.Nothing = "the list is cut"
	expect(t, g, top(t, g, out), out, map[string]string{"a": "the list is cut"})
}

func TestIgnoreFilesOfTheSnapshotAndOfTheDestinationProtect(t *testing.T) {
	m := newMemory(t)
	root := m.dir("", m.file(".ignore", "*.log\n", "", "\n*.t", "mp\n*.a", "", "b\n"))
	files := map[string]string{".ignore": "*.new\n", "a.log": "", "b.tmp": "", "c.new": "", "d": "", "e.ab": ""}
	for _, replaces := range []bool{true, false} {
		out := open(t, files)
		g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{IgnoreFiles: []string{".ignore"}}, Replaces: replaces}
		l := top(t, g, out)
		kept := "*.new"
		if replaces { // then the destination's file is as in the snapshot before anything is deleted
			kept = ""
		}
		expect(t, g, l, out, map[string]string{"a.log": "*.log", "b.tmp": "*.tmp", "c.new": kept, "d": "", "e.ab": ""})
		if (g.Kept > 0) == replaces {
			t.Errorf("replaces %v: %d are kept", replaces, g.Kept)
		}
	}
}

// Otherwise what it protects would be deleted the next time.
func TestAnIgnoreFileStaysWithWhatItProtects(t *testing.T) {
	m := newMemory(t)
	root := m.dir("")
	g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{IgnoreFiles: []string{".ignore"}}}
	others, ignores := g.IgnoreFilesLast([]string{".ignore", "a", "c.new"})
	if len(others) != 2 || len(ignores) != 1 || ignores[0] != ".ignore" {
		t.Errorf("%q, then %q", others, ignores)
	}
	out := open(t, map[string]string{".ignore": "*.new\n", "c.new": ""})
	l := top(t, g, out)
	expect(t, g, l, out, map[string]string{".ignore": ""})
	expect(t, g, l, out, map[string]string{"c.new": "*.new"})
	expect(t, g, l, out, map[string]string{".ignore": "what it leaves out stays"})
}

func TestWhatCannotBeReadOfTheSnapshotIsAnErrorAndSaysSo(t *testing.T) {
	lost := errors.New("lost")
	for name, spoil := range map[string]func(m *memory, root *snapshot.Entry, r *protect.Rules){
		"the tree": func(m *memory, root *snapshot.Entry, _ *protect.Rules) { delete(m.blobs, root.Subtree) },
		"the ignore file": func(m *memory, _ *snapshot.Entry, _ *protect.Rules) {
			delete(m.blobs, m.hasher.ID([]byte("*.log\n")))
		},
		"the notes": func(_ *memory, _ *snapshot.Entry, r *protect.Rules) {
			r.Noted = func(context.Context, string) (protect.Noted, error) { return protect.Noted{}, lost }
		},
		"what is above": func(_ *memory, _ *snapshot.Entry, r *protect.Rules) {
			r.Load = func(context.Context) ([]snapshot.Entry, error) { return nil, lost }
		},
	} {
		m := newMemory(t)
		root := m.dir("", m.file(".ignore", "*.log\n"))
		g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{IgnoreFiles: []string{".ignore"}}}
		top(t, g, open(t, nil))
		if g.Unsure {
			t.Fatal("unsure of what can be read")
		}
		spoil(m, &root, g.Rules)
		if _, err := g.Top(t.Context(), open(t, nil)); err == nil || !g.Unsure {
			t.Errorf("%s: unsure is %v, %v", name, g.Unsure, err)
		}
	}
}

func TestRulesOfADirectoryHoldBelowIt(t *testing.T) {
	m := newMemory(t)
	sub := m.dir("sub")
	root := m.dir("", m.file(".ignore", "*.log\n"), sub)
	out := open(t, map[string]string{"sub/a.log": "", "sub/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55", "sub/b": ""})
	g := &protect.Guard{Source: m, Root: &root, Rules: &protect.Rules{IgnoreFiles: []string{".ignore"}}}
	in, err := out.Sub("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for caches, want := range map[bool]string{false: "", true: "in a cache"} {
		g.Rules.SkipCaches = caches
		l, err := g.Below(t.Context(), top(t, g, out), "sub", false, in, &sub)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, g, l, in, map[string]string{"b": want})
		if !caches {
			expect(t, g, l, in, map[string]string{"a.log": "*.log"})
		}
	}
}
