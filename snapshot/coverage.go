package snapshot

import (
	"slices"

	"github.com/qsnap/qsnap/chunk"
)

// A Kind says what a snapshot is for. Only source versions count for the newest snapshot,
// for retention and for what is overdue.
type Kind string

// The kinds. Newer versions may add others; a reader preserves kinds that it doesn't
// know.
const (
	KindSource        Kind = ""               // a version of a source
	KindBeforeRestore Kind = "before-restore" // what a restore in place replaced
	KindEvidence      Kind = "evidence"       // the result of a drill or a verification
	KindTrial         Kind = "trial"          // a sample, to try settings
	KindImported      Kind = "imported"       // made from the backup of another program
	KindCatalog       Kind = "catalog"        // a catalog of tapes
)

// String returns the kind's name.
func (k Kind) String() string {
	if k == KindSource {
		return "source"
	}
	return string(k)
}

// Rules say what a snapshot leaves out. Pattern files that were found in the tree, such
// as .qsnapignore, are in the snapshot itself.
type Rules struct {
	Patterns      []Pattern // the last match decides
	IgnoreFiles   []string  // names of pattern files in the tree, in addition to .qsnapignore
	OneFileSystem bool      // leave out other file systems than those of the named paths
	SkipCaches    bool      // leave out the contents of directories with a CACHEDIR.TAG
	MaxFileSize   int64     // leave out larger files, in bytes; 0 means no limit
}

// A Pattern is a pattern as of gitignore(5), relative to the snapshot's root.
type Pattern struct {
	Source string // where it comes from, such as "--exclude" or "excludes.txt:3"
	Text   string
}

// Missing is a source that was named and not taken, with the reason.
type Missing struct{ Path, Text string }

// Unread counts files and directories that could not be read.
type Unread struct {
	Files    uint64
	Dirs     uint64
	LostDirs uint64 // those of Dirs that the parent snapshot has
}

// A good snapshot may lack a few files: one in goodShare, or goodFiles in a small tree.
const (
	goodShare = 100
	goodFiles = 10
)

// Good reports whether the snapshot is good: every named source was taken, no directory
// that the parent has is unread, and at most 1 % of the files are unread, or 10 in small
// trees. In snapshots of versions before 0.2 each problem counts as an unread file.
func (m *Manifest) Good() bool {
	files := m.Unread.Files
	if m.Rules == nil {
		files = m.Problems.Total
	}
	return len(m.Missing) == 0 && m.Unread.LostDirs == 0 && files <= max(goodFiles, m.Stats.Files/goodShare)
}

// Dirs returns the directories that the manifest names, from which everything in the
// snapshot can be reached: its root and, if there are notes, the root of their tree.
func (m *Manifest) Dirs() []*Entry {
	if m.Notes.IsZero() {
		return []*Entry{&m.Root}
	}
	return []*Entry{&m.Root, {Type: Dir, Subtree: m.Notes}}
}

type wireRules struct {
	Patterns      [][2][]byte `cbor:"1,keyasint,omitempty"`
	IgnoreFiles   [][]byte    `cbor:"2,keyasint,omitempty"`
	OneFileSystem bool        `cbor:"3,keyasint,omitempty"`
	SkipCaches    bool        `cbor:"4,keyasint,omitempty"`
	MaxFileSize   int64       `cbor:"5,keyasint,omitempty"`
}

// setCoverage sets the fields that say what the snapshot covers.
func (w *wireManifest) setCoverage(m *Manifest) {
	w.Kind = string(m.Kind)
	if r := m.Rules; r != nil {
		w.Rules = &wireRules{IgnoreFiles: toBytes(r.IgnoreFiles), OneFileSystem: r.OneFileSystem, SkipCaches: r.SkipCaches, MaxFileSize: r.MaxFileSize}
		for _, p := range r.Patterns {
			w.Rules.Patterns = append(w.Rules.Patterns, [2][]byte{[]byte(p.Source), []byte(p.Text)})
		}
	}
	if !m.Notes.IsZero() {
		w.Notes = m.Notes[:]
	}
	for _, x := range m.Missing {
		w.Missing = append(w.Missing, [2][]byte{[]byte(x.Path), []byte(x.Text)})
	}
	if m.Unread != (Unread{}) {
		w.Unread = []uint64{m.Unread.Files, m.Unread.Dirs, m.Unread.LostDirs}
	}
	for _, x := range m.Settled {
		w.Settled = append(w.Settled, wireSettled{Path: []byte(x.Path), Sec: x.Before.Sec, Nsec: x.Before.Nsec})
	}
}

// coverage reads what setCoverage sets, and reports whether it is valid.
func (w *wireManifest) coverage(m *Manifest) bool {
	if m.Kind = Kind(w.Kind); w.Kind == KindSource.String() { // which is left out
		return false
	}
	if r := w.Rules; r != nil {
		if r.MaxFileSize < 0 {
			return false
		}
		m.Rules = &Rules{IgnoreFiles: toStrings(r.IgnoreFiles), OneFileSystem: r.OneFileSystem, SkipCaches: r.SkipCaches, MaxFileSize: r.MaxFileSize}
		for _, p := range r.Patterns {
			m.Rules.Patterns = append(m.Rules.Patterns, Pattern{string(p[0]), string(p[1])})
		}
	}
	var notes ID
	if !optionalID(&notes, w.Notes) {
		return false
	}
	m.Notes = chunk.ID(notes)
	for _, x := range w.Missing {
		m.Missing = append(m.Missing, Missing{string(x[0]), string(x[1])})
	}
	for _, x := range w.Settled {
		if x.Nsec < 0 || x.Nsec >= 1e9 {
			return false
		}
		m.Settled = append(m.Settled, Settled{string(x.Path), Time{x.Sec, x.Nsec}})
	}
	if w.Unread == nil {
		return true
	}
	// Newer versions may count more.
	if len(w.Unread) < 3 || w.Unread[2] > w.Unread[1] {
		return false
	}
	m.Unread = Unread{w.Unread[0], w.Unread[1], w.Unread[2]}
	return !slices.Equal(w.Unread, []uint64{0, 0, 0})
}
