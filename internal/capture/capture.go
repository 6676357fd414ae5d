// Package capture turns a source into trees and chunks.
//
// One goroutine, the walk, visits directories in depth-first order and hands out the
// files that must be read, so that the chunks of neighbouring files are stored next to
// each other. Scanners run ahead of the walk: they list directories, lstat the names and
// compare the entries with the parent snapshot. Workers read, cut, name and store. The
// goroutine that finishes the last item of a directory writes the directory's tree. All
// goroutines end with Run. What is in flight between them is bounded in bytes and
// entries, whatever the source is like.
//
// A large directory is handled in blocks: the names in a leaf of the parent's version, or
// a few thousand names, at a time.
package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A Sink stores the results of a capture. An error of the Sink ends the capture.
type Sink interface {
	// ChunkWriter returns a writer of chunks for one goroutine.
	ChunkWriter() ChunkWriter
	// PutTree stores a page of a tree. It must not keep the bytes. It is safe for
	// concurrent use.
	PutTree(ctx context.Context, page []byte) (chunk.ID, error)
	// Name returns the id of a chunk. It is safe for concurrent use.
	Name(data []byte) chunk.ID
}

// A ChunkWriter stores chunks in the order in which it gets them.
type ChunkWriter interface {
	// Reserve returns n bytes of memory to read into. Chunks that are put from its
	// beginning, in order, are not copied.
	Reserve(n int) []byte
	// Put stores a chunk unless it is stored already.
	Put(ctx context.Context, data []byte) (chunk.ID, error)
	// PutNamed stores a chunk whose id is known, unless it is stored already.
	PutNamed(ctx context.Context, id chunk.ID, data []byte) error
	// Flush stores the chunks that were put.
	Flush(ctx context.Context) error
}

// Options configure a capture. Sink, Loader and Params must be set.
type Options struct {
	Sink   Sink
	Loader snapshot.Loader // of the parent's trees
	Params chunk.Params

	// Parent is the snapshot to compare with, or nil to read everything. A file counts as
	// unchanged if type, size, mtime, ctime and inode are the same, and if its ctime is not
	// so close to the parent's start that the same clock tick may have hidden a change.
	Parent      *snapshot.Manifest
	IgnoreCTime bool
	IgnoreInode bool

	// Start is when the run began. Clocks are directories of qsnap's own, which are used to
	// find out the clocks of their file systems.
	Start  time.Time
	Clocks []string

	// Resume is the state of an interrupted capture of the source, or nil.
	Resume *Resume
	// Lost reports whether a chunk of the parent can't be read, so that its file must be
	// read again. Nil means that none is lost.
	Lost func(chunk.ID) bool
	// Completed is called when a directory with everything in it is done. It may be nil.
	Completed func(path string, tree chunk.ID)

	Rules         *ignore.Set // take precedence over those of ignore files
	IgnoreFiles   []string    // names of files with rules for their directory and what is below
	OneFileSystem bool
	SkipCaches    bool     // leave out the contents of directories with a CACHEDIR.TAG
	MaxFileSize   int64    // leave out larger files, in bytes; 0 means no limit
	Avoid         []string // directories that are never entered, such as the repository itself

	// History is what earlier snapshots say about the named paths. Fstab is the mounts that
	// this machine is configured for. A named path that has become empty, or whose file
	// system isn't mounted, counts as missing, unless AllowEmpty is set or MayBeEmpty has
	// its full path or one above.
	History    History
	Fstab      disk.Mounts
	AllowEmpty bool
	MayBeEmpty []string
	// AcceptUnread matches what may be unreadable: it is left out then, which is no problem.
	AcceptUnread *ignore.Set

	Workers     int           // at least 1
	Pace        pace.Pacer    // asked before a part of the source is read, compared or cut; may be nil
	SpareCache  bool          // drop from the system's page cache what was read and not there before
	UnsizedTime time.Duration // how long reading a file of unknown size may take; 0 means 5 s

	// Progress is updated while the capture runs.
	Progress *Progress
	// Problem is called for each path that could not be read completely, one call at a
	// time. The path is relative to the root; the error names the path on the source.
	Problem func(path string, err error)
	// Heeded is called for the rules of each ignore file, with its directory and the names
	// in it, by several goroutines at once. It may be nil.
	Heeded func(dir string, names []string, rules []ignore.Rule)
	// Notice is called for remarks on paths that are no problems. It may be nil.
	Notice func(path string, notice error)
}

// Resume is the directories that an interrupted capture had completed. The capture
// compares with them instead of the parent's.
type Resume struct {
	Start time.Time           // when that capture began
	Trees map[string]chunk.ID // by path, relative to the root
	// Stored reports whether a chunk is stored: some chunks that the directories refer to
	// may not be.
	Stored func(chunk.ID) bool
}

// Progress counts what has been done so far.
type Progress struct {
	Files, Dirs, Others atomic.Uint64
	Bytes               atomic.Uint64 // of all files that are done, whether read or not
	BytesRead           atomic.Uint64
	NewFiles            atomic.Uint64
	ChangedFiles        atomic.Uint64
	SameFiles           atomic.Uint64
	NewDirs             atomic.Uint64
	ChangedDirs         atomic.Uint64
	SameDirs            atomic.Uint64
	Current             atomic.Pointer[string] // the directory that is being walked
}

// Result is the result of a capture.
type Result struct {
	Root     snapshot.Entry
	Skipped  snapshot.Remarks
	Problems snapshot.Remarks
	Notes    chunk.ID           // root of the tree of notes, or zero
	Settled  []snapshot.Settled // which stamps the next run may trust
	Unread   snapshot.Unread
	Missing  []snapshot.Missing // named paths that could not be taken, in the order of paths
}

// errChanged is the problem of a file that was captured, but perhaps not in the state of
// any one moment.
var errChanged = errors.New("changed while it was read")

type capture struct {
	Options
	src    *source.Source
	cutter *chunk.Cutter
	avoid  map[fileKey]string

	scan  scanner
	jobs  chan job
	links map[fileKey]*leader // used by the walk only
	bufs  chan []byte         // for pieces of large files

	mounts      map[string]string        // types of what is mounted in the source, by path
	start       snapshot.Time            // see stamps.add
	mountsKnown bool                     // otherwise the mounts are unknown
	clocks      map[uint64]snapshot.Time // the time by each file system's clock, by device

	mu           sync.Mutex
	notes        []snapshot.Note
	volumes      []*volume
	result       Result
	seen         map[string]bool // paths with problems, so that none is reported twice
	namedMissing int             // number of missing paths that were named
	missing      error           // why the first missing named path could not be taken
}

// A fileKey identifies a file on this machine.
type fileKey struct{ device, inode uint64 }

// Run captures a source. It returns an error if the source's root can't be read, the sink
// fails, or the context is cancelled. Problems of single files are in the result.
func Run(ctx context.Context, src *source.Source, o Options) (*Result, error) {
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	o.Pace = pace.Or(o.Pace)
	c := &capture{
		Options: o,
		src:     src,
		cutter:  chunk.NewCutter(o.Params),
		jobs:    make(chan job, o.Workers+batchesAhead),
		links:   map[fileKey]*leader{},
		bufs:    make(chan []byte, o.Workers+1),
		clocks:  map[uint64]snapshot.Time{},
		seen:    map[string]bool{},
	}
	for range cap(c.bufs) {
		c.bufs <- nil
	}
	if c.Start.IsZero() {
		c.Start = time.Now()
	}
	c.start = snapshot.TimeOf(c.Start)
	for _, dir := range o.Clocks {
		if device, now, ok := disk.Clock(dir); ok {
			c.clocks[device] = now
		}
	}
	mounts := disk.ReadMounts()
	c.mounts, c.mountsKnown = src.MountsIn(mounts), len(mounts) > 0 && src.Selected != nil
	if err := c.avoidDirs(o.Avoid); err != nil {
		return nil, err
	}
	root, err := c.rootNode(src)
	if err != nil {
		return nil, err
	}
	if err := c.run(ctx, root); err != nil {
		return nil, err
	}
	if err := c.allMissing(); err != nil {
		return nil, err
	}
	if p := c.result.Root.Problem; p != "" {
		return nil, errors.New(p)
	}
	if err := c.storeNotes(ctx); err != nil {
		return nil, err
	}
	c.result.Settled = c.settled()
	c.result.Missing = append(c.result.Missing, src.Missing...)
	slices.SortFunc(c.result.Missing, func(a, b snapshot.Missing) int { return strings.Compare(a.Path, b.Path) })
	byPath := func(a, b snapshot.Remark) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(c.result.Skipped.List, byPath)
	slices.SortFunc(c.result.Problems.List, byPath)
	return &c.result, nil
}

// run starts scanners, workers and the walk, and waits for them.
func (c *capture) run(ctx context.Context, root *node) error {
	g, ctx := errgroup.WithContext(ctx)
	c.scan.init(ctx)
	var scanners errgroup.Group
	for range c.Workers + 2 { // more than processors: if files aren't cached, workers wait for the disk
		scanners.Go(func() error { c.scanAhead(ctx); return nil })
	}
	for range c.Workers {
		g.Go(func() error { return c.work(ctx) })
	}
	g.Go(func() error {
		defer close(c.jobs)
		return c.walk(ctx, root)
	})
	err := g.Wait()
	c.scan.close()
	_ = scanners.Wait()
	return err
}

// located returns an error that names the path on the source.
func (c *capture) located(path string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", c.src.Full(path), err)
}
