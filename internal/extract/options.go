package extract

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/internal/protect"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source reads the contents of snapshots from a repository.
type Source interface {
	snapshot.Loader
	// Locate returns a place of a chunk.
	Locate(ctx context.Context, id chunk.ID) (index.Place, error)
	// Present returns an error unless the chunk is in a pack that exists. It reads nothing
	// of the pack. If only a replica has the pack, it returns the replica's name.
	Present(ctx context.Context, id chunk.ID) (replica string, err error)
	// Prefetch announces which segments will be read next, each once, in about this order.
	// The caller calls done when it has read them.
	Prefetch(ctx context.Context, segments iter.Seq2[*pack.Info, int]) (done func())
	// Requests returns how many requests reading these segments takes.
	Requests(segments iter.Seq2[*pack.Info, int]) int
	// Segment reads segment n of a pack into buf, whose storage it may use, and returns the
	// plain segment.
	Segment(ctx context.Context, p *pack.Info, n int, buf []byte) ([]byte, error)
	// Chunk returns a chunk from any place where it can be read.
	Chunk(ctx context.Context, id chunk.ID) ([]byte, error)
	// Verify returns an error unless data is the content of the chunk.
	Verify(id chunk.ID, data []byte) error
}

// A Policy says what happens to existing files.
type Policy int

// The policies.
const (
	Always    Policy = iota // write what differs in content or attributes
	IfChanged               // trust that files of the same size and time are the same
	IfNewer                 // replace only files that are older than the snapshot's version
	Never                   // leave existing files alone
)

// Options configure an extraction.
type Options struct {
	Source Source
	Root   snapshot.Entry // a directory
	Bare   bool           // Root is not in the snapshot, but was made to hold one file: To keeps its attributes
	To     string         // an existing directory
	Policy Policy
	// Made says that To was created for this extraction. InPlace says that To is the
	// original place of Root. In both cases To gets Root's attributes; otherwise it keeps
	// its own. In place, links on the way to the snapshot's paths are followed, as they
	// were then.
	Made, InPlace bool
	// FollowLinks writes through links to directories where the snapshot has directories.
	FollowLinks bool
	// Whole reports whether the snapshot holds everything that was in a directory, whose
	// path is relative to Root. It returns false for a directory that is only above the
	// snapshot's paths. Nil means always true.
	Whole func(path string) bool
	// Delete removes what the snapshot doesn't have, as far as Rules allow: after
	// everything else, and only if nothing failed.
	Delete bool
	Rules  protect.Rules
	// DeleteFirst deletes before anything is written, if a rehearsal of everything has
	// found nothing that would fail.
	DeleteFirst bool
	// Unless IgnoreRoom is set, the extraction ends with a *RoomError before anything is
	// written if RoomAt, a path on the file system of To, has too little space for what is
	// absent or has another size. Most is what the whole snapshot takes: if there is that
	// much space, nothing is computed.
	IgnoreRoom bool
	RoomAt     string
	Most       Most
	// Confirm is called before anything is written if something would be deleted. It may be
	// nil; its error ends the extraction.
	Confirm func(Plan) error
	// Include and Exclude select entries by their paths relative to Root. A nil Include
	// selects everything. The contents of a selected directory are selected.
	Include, Exclude *ignore.Set

	DryRun  bool // change nothing
	Verify  bool // read back what was written
	NoSync  bool // don't wait until everything is on the disk
	Keep    disk.Keep
	Workers int // at least 1
	// Pace is asked before each entry is compared or verified, and before each part of a
	// file is read or written. It may be nil.
	Pace pace.Pacer

	Progress *Progress
	// Action is called for each change when it is made, one call at a time. The path is
	// relative to Root.
	Action func(Action, string, *snapshot.Entry)
	// Spared is called for each path that deletion leaves alone, one call at a time. If it
	// names a directory, the contents are not named.
	Spared func(Spared)
	// Problem is called for each path that could not be restored completely, one call at a
	// time.
	Problem func(path string, err error)
	// Leftover is called like Problem for what an earlier, killed extraction has moved
	// aside and left.
	Leftover func(path, text string)
	// Notice is called like Problem for remarks that are no problems.
	Notice func(path string, notice error)
}

// An Action is a change of the destination.
type Action int

// The actions.
const (
	Create Action = iota
	Replace
	Touch // attributes only
	Delete
)

// String returns the action as a word.
func (a Action) String() string { return [...]string{"create", "replace", "touch", "delete"}[a] }

// Progress counts what has been done so far.
type Progress struct {
	Files, Dirs, Others atomic.Uint64 // done, whether written or not
	Bytes               atomic.Uint64 // of files that are done
	Created             atomic.Uint64
	Replaced            atomic.Uint64
	Touched             atomic.Uint64
	Deleted             atomic.Uint64 // entries, including those in directories
	Spared              atomic.Uint64 // entries that only the destination has and that stay
	Same                atomic.Uint64
	BytesWritten        atomic.Uint64
	Packs               atomic.Uint64 // packs that had to be read
	PackBytes           atomic.Uint64 // bytes read from packs
	Requests            atomic.Uint64 // requests needed for that
	Problems            atomic.Uint64
	Withheld            atomic.Uint64 // files restored without some of their privileges
}
