package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A Compression says how hard new data is compressed. Whatever it is, data can be
// read with any other.
type Compression = pack.Level

// The levels of compression. CompressionAuto is the zero value.
const (
	CompressionAuto    = pack.Auto
	CompressionOff     = pack.Off
	CompressionFastest = pack.Fastest
	CompressionDefault = pack.Default
	CompressionBetter  = pack.Better
	CompressionMax     = pack.Max
)

// ParseCompression reads the name of a level: auto, off, fastest, default, better
// or max.
func ParseCompression(name string) (Compression, error) { return pack.ParseLevel(name) }

// SnapshotOptions say how a snapshot is taken. The zero value is useful.
type SnapshotOptions struct {
	Hostname string // empty means that of this host, as in Options
	Tags     []string
	Job      snapshot.Job // that takes the snapshot, for the manifest

	// Kind is KindSource, or KindTrial: a sample by which settings are tried. No other snapshot
	// is compared with a trial, and the caller forgets it when it has been tried.
	Kind snapshot.Kind
	// Level says how much of the snapshot is proven. An incremental one, the zero value, is
	// compared with Parent. A differential one is compared with the last full snapshot of the
	// same host and paths; if there is none, it is full, which a Notice says. A full one reads
	// every file, and verifies the data that it reuses: it reads that back from the target, and
	// stores again what is damaged or missing. It deletes damaged packs that no snapshot needs
	// any more. A Notice names them; one that matches ErrDamaged says that other snapshots are
	// still damaged.
	Level snapshot.Level
	// Parent is the snapshot to compare with: files are not read again if they have the same
	// type, size, times and inode in it. Nil means the newest of the same host and paths. Only
	// an incremental snapshot may have one.
	Parent      *snapshot.Manifest
	ReadAll     bool // have no parent; reused data is not verified
	IgnoreCTime bool // don't compare change times
	IgnoreInode bool // don't compare inode numbers

	// Exclude are patterns as of gitignore(5). The last one that matches decides. One that
	// begins with a slash is the whole path of something in the source, also through
	// symbolic links, or else a path in each of the directories that were named. One that
	// begins with ~/ is in the home directory. A path that was named is left out only by a
	// pattern that is its whole path.
	Exclude       []string
	ExcludeRules  []Rule   // the same, parsed; they decide where no pattern of Exclude matches
	IgnoreFiles   []string // names of files with patterns in the tree, such as .gitignore, beside .qsnapignore
	OneFileSystem bool     // don't enter other file systems
	SkipCaches    bool     // leave out the contents of directories that are tagged as caches
	MaxFileSize   *int64   // leave out files with more bytes; at least 1; nil means no limit
	Avoid         []string // directories that are not entered, such as that of the target; a source in one is ErrAvoided

	// AllowEmptySource permits a snapshot of an empty stream, which otherwise is
	// ErrEmptySource, because its producer has probably failed. It also permits a named
	// directory that had contents and is empty now, or a mount point where nothing is
	// mounted; otherwise such a directory is missing.
	AllowEmptySource bool
	// MayBeEmpty are directories to which that applies with all in them, if it doesn't apply
	// to the whole source.
	MayBeEmpty []string
	// AcceptUnread are patterns, as Exclude has them, of what may be unreadable: the snapshot is
	// good and complete without it, and lists it among what was left out. A named path is never
	// accepted. A restore names what it can't restore because of that.
	AcceptUnread []string

	Compression Compression
	Workers     int // 0 means as many as processors

	// DryRun, if not nil, makes this a dry run: nothing is stored, and DryRun receives what
	// the snapshot would cost if nothing changes until then. The source is read and
	// compressed all the same. The manifest is the one that would be stored, without an id.
	DryRun *Cost

	// Progress is called now and then, and once for each problem and notice, by one
	// goroutine at a time.
	Progress func(SnapshotProgress)
}

// PhaseCapture is the only phase of a snapshot: reading the source and storing what is new.
const PhaseCapture Phase = "capture"

// SnapshotProgress is how far a snapshot has come, and what happened just now. Its Done
// counts the bytes of the source; its Total is how many the parent has, which is an
// estimate.
type SnapshotProgress struct {
	Progress
	Stats    snapshot.Stats // so far
	Parent   *snapshot.Manifest
	Current  string // the directory being read, relative to the root
	Finished bool   // this is the last call

	// Problem is why something could not be read completely, or nil. Notice is a remark that
	// is no problem, or nil. Path says where, relative to the root.
	Problem error
	Notice  error
	Path    string

	// Unmatched are the patterns of Exclude and ExcludeRules that matched nothing, each with
	// where it was written. They are known once the snapshot is finished.
	Unmatched []string
}

// Snapshot takes a snapshot and returns its manifest. If a named source is missing, or
// something could not be read completely, the error is an *IncompleteError: the snapshot
// was taken all the same, and the manifest says what it lacks and whether it is Good.
// After any other error there is no snapshot, and the manifest is nil.
//
// Some files have no size before they are read: those in /proc and /sys, and those that a
// FUSE file system calls empty. They are read each time. One that has more than 64 MiB, or
// takes more than 5 s to read, counts as unreadable. Such files of /proc and /sys are
// problems too, but the manifest doesn't count them as unread.
//
// When the context is cancelled, or the process dies, no snapshot is made. The next one
// finds and uses what was stored until then.
func (r *Repo) Snapshot(ctx context.Context, src Source, o SnapshotOptions) (*snapshot.Manifest, error) {
	return take.Run(ctx, r.e, src.source, o.room())
}

// room returns the options as the room takes them.
func (o *SnapshotOptions) room() take.Options {
	out := take.Options{
		Program: Program, Hostname: o.Hostname, Tags: o.Tags, Job: o.Job, Kind: o.Kind, Level: o.Level,
		Parent: o.Parent, ReadAll: o.ReadAll, IgnoreCTime: o.IgnoreCTime, IgnoreInode: o.IgnoreInode,
		Excludes: o.Exclude, ExcludeRules: make([]ignore.Rule, len(o.ExcludeRules)), IgnoreFiles: o.IgnoreFiles,
		OneFileSystem: o.OneFileSystem, SkipCaches: o.SkipCaches, MaxFileSize: o.MaxFileSize, Avoid: o.Avoid,
		AllowEmptySource: o.AllowEmptySource, MayBeEmpty: o.MayBeEmpty, AcceptUnread: o.AcceptUnread, Compression: o.Compression, Workers: o.Workers,
		DryRun: (*outcome.Cost)(o.DryRun),
	}
	for i, r := range o.ExcludeRules {
		out.ExcludeRules[i] = r.rule
	}
	if o.Progress != nil {
		out.Progress = func(p take.Progress) {
			o.Progress(SnapshotProgress{
				progressOf(p.Progress), p.Stats, p.Parent, p.Current, p.Finished, p.Problem, p.Notice, p.Path, p.Unmatched,
			})
		}
	}
	return out
}
