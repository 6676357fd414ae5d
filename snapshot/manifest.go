package snapshot

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/qsnap/qsnap/chunk"
)

// An ID names a snapshot: the BLAKE3-256 hash of its sealed manifest.
type ID [32]byte

// String returns the ID as 64 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hexadecimal digits, for people.
func (id ID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether the ID is the zero value, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText returns the same text as String, or nothing for the zero value.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	return []byte(id.String()), nil
}

// UnmarshalText parses the output of MarshalText.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseID parses 64 lower-case hexadecimal digits.
func ParseID(s string) (ID, error) {
	id, err := chunk.ParseID(s)
	return ID(id), err
}

// A Layout says how the names in a snapshot relate to its paths.
type Layout int

// The layouts.
const (
	// Tree: the snapshot is the directory that is its only path.
	Tree Layout = iota
	// Single: the snapshot holds one name, the last element of its only path.
	Single
	// Paths: the snapshot holds its paths in full, without what makes them absolute.
	Paths
)

// A Manifest is a snapshot: the root of a tree and where it came from.
type Manifest struct {
	ID         ID // not stored: it is the hash of the sealed manifest
	Start, End time.Time
	Hostname   string
	Username   string
	Paths      []string // absolute, as bytes; of an fs.FS, the name that it was given
	Layout     Layout
	Tags       []string
	Program    string // and version, such as "qsnap 0.1.0"

	Root Entry // its Subtree is the tree; its Name is empty

	// Parent is the snapshot that unchanged files were taken from, if any.
	Parent ID
	// Previous is the newest snapshot of the same source when this one was made. Number is
	// one more than the Number of Previous, or 1 for the first, so that a lost snapshot is
	// noticed.
	Previous ID
	Number   uint64

	// Original is the snapshot that this one was made from, by leaving something out or in
	// another repository. Zero means none.
	Original ID

	Stats    Stats
	Skipped  Remarks  // what rules left out; Notes has everything that rules can't repeat
	Problems Remarks  // what could not be read, or changed while it was read; Notes has all of them
	Excludes []string // patterns of the command line as given; Rules has their meaning

	// Kind says what the snapshot is for; empty means KindSource.
	Kind Kind
	// Rules say what the snapshot leaves out. They are nil in manifests of versions before
	// 0.2, which have only Skipped, Problems and Excludes.
	Rules *Rules
	// Notes is the root of the tree of notes (see Note), or zero if there are none.
	Notes chunk.ID
	// Missing are the named sources that were not taken.
	Missing []Missing
	// Unread counts files and directories that could not be read.
	Unread Unread
	// Settled says which stamps of the source the next run may trust, for each file system.
	// A file whose stamp isn't before that moment may have changed after it was read,
	// within the same tick of the clock.
	Settled []Settled

	// Level says how much of the snapshot was proven when it was taken; empty means
	// LevelIncremental.
	Level Level
	// Job says which job took the snapshot. It is zero if a person or a program did.
	Job Job

	// Pin, if not nil, keeps the snapshot whatever a policy says. It is not stored in the
	// manifest: package repo fills it in.
	Pin *Pin
}

// Settled says that stamps before a moment can be trusted, because a newer stamp was seen
// on the same file system.
type Settled struct {
	Path   string // where the file system begins, relative to the root
	Before Time
}

// A Pin keeps a snapshot.
type Pin struct {
	Until time.Time // the last moment of the pin; zero means for ever
}

// Stats count what a snapshot holds and what making it took. Bytes of files include
// holes, and count each name of a hard-linked file.
type Stats struct {
	Files  uint64 `json:"total_files_processed"`
	Dirs   uint64 `json:"-"`
	Others uint64 `json:"-"`                     // links, devices and the like
	Bytes  uint64 `json:"total_bytes_processed"` // of all files

	// Compared with Parent.
	NewFiles     uint64 `json:"files_new"`
	ChangedFiles uint64 `json:"files_changed"`
	SameFiles    uint64 `json:"files_unmodified"`
	NewDirs      uint64 `json:"dirs_new"`
	ChangedDirs  uint64 `json:"dirs_changed"`
	SameDirs     uint64 `json:"dirs_unmodified"`

	BytesRead uint64 `json:"-"` // from files

	// Blobs that were new, their bytes, and the bytes that they take when compressed and
	// sealed.
	DataBlobs   uint64 `json:"data_blobs"`
	TreeBlobs   uint64 `json:"tree_blobs"`
	DataAdded   uint64 `json:"-"`
	TreeAdded   uint64 `json:"-"`
	DataStored  uint64 `json:"-"`
	TreeStored  uint64 `json:"-"`
	IndexStored uint64 `json:"-"`

	// Of a full snapshot: bytes of stored data that were read back before it was reused, and
	// bytes that were stored again because what was stored is damaged or missing.
	Verified uint64 `json:"-"`
	Healed   uint64 `json:"-"`
}

// Limits of the remarks that a manifest stores, in number and bytes. Further remarks are
// only counted.
const (
	maxRemarks     = 500
	maxRemarkBytes = 16 << 10
)

// Remarks are remarks on paths.
type Remarks struct {
	Total uint64
	List  []Remark // the first ones: at most 500, and at most 16 KiB
}

// A Remark is a text about one path, which is relative to the root.
type Remark struct{ Path, Text string }

// Add adds a remark.
func (r *Remarks) Add(path, text string) {
	r.Total++
	size := len(path) + len(text)
	for _, have := range r.List {
		size += len(have.Path) + len(have.Text)
	}
	if len(r.List) < maxRemarks && size <= maxRemarkBytes {
		r.List = append(r.List, Remark{path, text})
	}
}

// Complete reports whether List has all remarks.
func (r *Remarks) Complete() bool { return uint64(len(r.List)) == r.Total }

// wireManifest is a manifest as CBOR: core deterministic, integer keys, paths and names
// as byte strings. The root is a page of one entry named "root".
type wireManifest struct {
	Start    wireTime      `cbor:"1,keyasint"`
	End      wireTime      `cbor:"2,keyasint"`
	Hostname []byte        `cbor:"3,keyasint"`
	Username []byte        `cbor:"4,keyasint"`
	Paths    [][]byte      `cbor:"5,keyasint"`
	Layout   Layout        `cbor:"6,keyasint"`
	Tags     [][]byte      `cbor:"7,keyasint,omitempty"`
	Program  string        `cbor:"8,keyasint"`
	Root     []byte        `cbor:"9,keyasint"`
	Parent   []byte        `cbor:"10,keyasint,omitempty"`
	Previous []byte        `cbor:"11,keyasint,omitempty"`
	Number   uint64        `cbor:"12,keyasint"`
	Stats    []uint64      `cbor:"13,keyasint"`
	Skipped  wireRemarks   `cbor:"14,keyasint"`
	Problems wireRemarks   `cbor:"15,keyasint"`
	Excludes [][]byte      `cbor:"16,keyasint,omitempty"`
	Original []byte        `cbor:"17,keyasint,omitempty"`
	Kind     string        `cbor:"18,keyasint,omitempty"`
	Rules    *wireRules    `cbor:"19,keyasint,omitempty"`
	Notes    []byte        `cbor:"20,keyasint,omitempty"`
	Missing  [][2][]byte   `cbor:"21,keyasint,omitempty"`
	Unread   []uint64      `cbor:"22,keyasint,omitempty"`
	Settled  []wireSettled `cbor:"23,keyasint,omitempty"`
	Level    string        `cbor:"24,keyasint,omitempty"`

	Profile      string    `cbor:"25,keyasint,omitempty"`
	Slot         *wireTime `cbor:"26,keyasint,omitempty"`
	Installation []byte    `cbor:"27,keyasint,omitempty"`
	Settings     []byte    `cbor:"28,keyasint,omitempty"`
}

type wireSettled struct {
	_    struct{} `cbor:",toarray"`
	Path []byte
	Sec  int64
	Nsec int32
}

const rootName = "root"

const errManifest malformed = "snapshot manifest: malformed"

// fields returns the statistics in the order in which they are stored. Newer versions may
// add fields at the end.
func (s *Stats) fields() []*uint64 {
	return []*uint64{&s.Files, &s.Dirs, &s.Others, &s.Bytes,
		&s.NewFiles, &s.ChangedFiles, &s.SameFiles, &s.NewDirs, &s.ChangedDirs, &s.SameDirs,
		&s.BytesRead, &s.DataBlobs, &s.TreeBlobs, &s.DataAdded, &s.TreeAdded,
		&s.DataStored, &s.TreeStored, &s.IndexStored, &s.Verified, &s.Healed}
}

// firstStats is how many statistics a manifest always has. Those after them are left out if
// they and all that follow are zero.
const firstStats = 18

// stored returns the statistics as they are stored.
func (s *Stats) stored() (out []uint64) {
	for _, f := range s.fields() {
		out = append(out, *f)
	}
	for len(out) > firstStats && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// Marshal returns the manifest as CBOR, before it is sealed.
func (m *Manifest) Marshal() ([]byte, error) {
	root := m.Root
	root.Name = rootName
	w := wireManifest{
		Start: toWireTime(m.Start), End: toWireTime(m.End),
		Hostname: []byte(m.Hostname), Username: []byte(m.Username),
		Paths: toBytes(m.Paths), Layout: m.Layout, Tags: toBytes(m.Tags), Program: m.Program,
		Root:   (&page{entries: []Entry{root}}).append(nil),
		Number: m.Number, Skipped: toWireRemarks(m.Skipped), Problems: toWireRemarks(m.Problems),
		Excludes: toBytes(m.Excludes),
	}
	if !m.Parent.IsZero() {
		w.Parent = m.Parent[:]
	}
	if !m.Previous.IsZero() {
		w.Previous = m.Previous[:]
	}
	if !m.Original.IsZero() {
		w.Original = m.Original[:]
	}
	w.setCoverage(m)
	w.setJob(m)
	w.Stats = m.Stats.stored()
	return encoding.Marshal(w)
}

// ParseManifest parses a manifest. The caller sets its ID.
func ParseManifest(b []byte) (*Manifest, error) {
	var w wireManifest
	if err := decoding.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%w: %v", errManifest, err)
	}
	if !w.Start.valid() || !w.End.valid() {
		return nil, fmt.Errorf("%w: impossible time", errManifest)
	}
	m := &Manifest{
		Start: w.Start.time(), End: w.End.time(),
		Hostname: string(w.Hostname), Username: string(w.Username),
		Paths: toStrings(w.Paths), Layout: w.Layout, Tags: toStrings(w.Tags), Program: w.Program,
		Number: w.Number, Excludes: toStrings(w.Excludes),
	}
	root, err := parsePage(w.Root)
	if err != nil || len(root.entries) != 1 || root.entries[0].Type != Dir || root.entries[0].Problem != "" {
		return nil, fmt.Errorf("%w: the root is not a directory", errManifest)
	}
	m.Root = root.entries[0]
	m.Root.Name = ""
	ok1, ok2 := true, true
	m.Skipped, ok1 = w.Skipped.remarks()
	m.Problems, ok2 = w.Problems.remarks()
	if !w.coverage(m) || !w.job(m) || !ok1 || !ok2 || !optionalID(&m.Parent, w.Parent) || !optionalID(&m.Previous, w.Previous) || !optionalID(&m.Original, w.Original) ||
		m.Layout < Tree || m.Layout > Paths {
		return nil, errManifest
	}
	for i, f := range m.Stats.fields() {
		if i < len(w.Stats) {
			*f = w.Stats[i]
		}
	}
	return m, nil
}

var encoding, decoding = func() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxArrayElements:  1 << 24, // a snapshot may have hundreds of thousands of patterns
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}()
