package extract_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/snapshot"
)

// hugeTree has a file of so many chunks that it is written in parts, between small ones,
// and a hard link to it.
func hugeTree(t *testing.T, m *memory) (root, huge snapshot.Entry) {
	t.Helper()
	huge = m.file(t, "huge", 400_000, 64)
	huge.Links, huge.Inode = 2, 1
	again := huge
	again.Name = "same"
	return m.dir(t, m.file(t, "a", 1, 4096), m.file(t, "empty", 0, 0), huge, again, m.file(t, "z", 3, 4096)), huge
}

// content returns what a file of the memory's pack holds, from its first chunk on.
func (m *memory) content(at, size int) []byte {
	return bytes.Repeat(m.plain, (at+size)/segmentSize+1)[at : at+size]
}

func TestAFileOfManyWindowsIsWrittenInParts(t *testing.T) {
	m, to := newMemory(), t.TempDir()
	root, huge := hugeTree(t, m)
	err := extract.Run(t.Context(), extract.Options{Source: m, Root: root, To: to, Workers: 2,
		Problem: func(path string, err error) { t.Errorf("%s: %v", path, err) }})
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, f := range []struct {
		name string
		size int
	}{{"huge", int(huge.Size)}, {"a", 4096}, {"z", 3 * 4096}, {"empty", 0}} {
		have, err := os.ReadFile(filepath.Join(to, f.name))
		if err != nil || !bytes.Equal(have, m.content(at, f.size)) {
			t.Errorf("%s is not what it was, %d bytes, %v", f.name, len(have), err)
		}
		at += f.size
	}
	same(t, filepath.Join(to, "huge"), filepath.Join(to, "same"))
}

func same(t *testing.T, a, b string) {
	t.Helper()
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX != nil || errY != nil || !os.SameFile(x, y) {
		t.Errorf("%s and %s are two files, %v, %v", a, b, errX, errY)
	}
}

// What is found to be lost when a part is written leaves nothing behind, and is said once.
func TestALostChunkOfALaterWindowGivesUpTheWholeFile(t *testing.T) {
	m, to := newMemory(), t.TempDir()
	root, huge := hugeTree(t, m)
	lost := 0
	for c, err := range snapshot.Chunks(t.Context(), m, &huge, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Offset == 64*390_000 {
			delete(m.places, c.ID)
			lost++
		}
	}
	var problems []string
	err := extract.Run(t.Context(), extract.Options{Source: m, Root: root, To: to, Workers: 2,
		Problem: func(path string, err error) { problems = append(problems, path+": "+err.Error()) }})
	if err != nil || lost != 1 {
		t.Fatal(lost, err)
	}
	if len(problems) != 2 || !strings.Contains(problems[0], "huge: chunk ") || !strings.HasPrefix(problems[1], "same: it is a hard link to huge") {
		t.Errorf("problems: %q", problems)
	}
	names, err := filepath.Glob(filepath.Join(to, "*"))
	hidden, _ := filepath.Glob(filepath.Join(to, ".*"))
	if len(names) != 3 || len(hidden) != 0 || err != nil {
		t.Errorf("there are %q and %q, %v", names, hidden, err)
	}
}
