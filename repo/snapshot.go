package repo

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// A Source is what a snapshot is taken of.
type Source struct {
	open func(now time.Time) (*capture.Source, error)
	once bool // it can be read only once

	onDisk bool // its paths are those of this machine
}

// Paths returns the source that is files and directories. If it is one directory,
// the snapshot is that directory; if it is one path of another sort, the snapshot
// holds its last element; of several paths it holds each in full. A path that is a
// symbolic link to a directory, or leads through one, stands for that directory.
//
// A path that can't be taken is in the manifest's Missing. If that is all of them,
// there is no snapshot.
func Paths(paths ...string) Source {
	return Source{onDisk: true, open: func(time.Time) (*capture.Source, error) { return capture.Paths(paths...) }}
}

// FS returns the source that is a file system. name stands for its path: snapshots
// of one name are versions of one thing. Its methods are called by several
// goroutines at once.
func FS(fsys fs.FS, name string) Source {
	return Source{open: func(time.Time) (*capture.Source, error) { return capture.FS(fsys, name), nil }}
}

// Stream returns the source that is a single file, with the bytes of r up to
// io.EOF. Any other error of r fails the snapshot.
func Stream(name string, r io.Reader) Source {
	return Source{once: true, open: func(now time.Time) (*capture.Source, error) { return capture.Stream(name, r, now) }}
}

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
	Hostname string // empty is this host's, as in Options
	Tags     []string

	// Parent is the snapshot whose files are not read again if they are the same by
	// type, size, times and inode. Nil is the newest of the same host and paths.
	Parent      *snapshot.Manifest
	ReadAll     bool // have no parent
	IgnoreCTime bool // don't compare change times
	IgnoreInode bool // don't compare inode numbers

	// Excludes are patterns as of gitignore(5), of which the last that matches decides. One
	// that begins with a slash is the whole path of something in the source, also through
	// symbolic links, or else a path in each of the directories that were named; one that
	// begins with ~/ is in the home directory. What was named itself is left out only by
	// its whole path.
	Excludes      []string
	ExcludeRules  []Rule   // the same, parsed, to be asked after Excludes
	IgnoreFiles   []string // names of files such as .gitignore to be heeded, beside .qsnapignore
	OneFileSystem bool
	SkipCaches    bool     // leave out what is in directories tagged as caches
	MaxFileSize   int64    // leave out larger files; 0 is no limit
	Avoid         []string // directories not to be entered, such as that of the target

	// AllowEmptySource permits a snapshot of a stream without a byte, which otherwise is
	// ErrEmptySource: more often than not its producer has failed. It also permits that a
	// named directory which had something in it is empty, or is a mount point where
	// nothing is mounted, which otherwise is missing.
	AllowEmptySource bool

	Compression Compression
	Workers     int // 0 is as many as processors

	// Progress is called now and then, and once for each problem, by one goroutine
	// at a time.
	Progress func(SnapshotProgress)
}

// ErrEmptySource means that there was nothing in the source, and that no snapshot was
// made of that.
var ErrEmptySource = capture.ErrEmptySource

// SnapshotProgress is how far a snapshot has come.
type SnapshotProgress struct {
	Stats   snapshot.Stats // so far
	Parent  *snapshot.Manifest
	Elapsed time.Duration
	Current string // the directory being walked, relative to the root
	Done    bool

	// Problem is what could not be read as it should, or nil; Path says where.
	Problem error
	Path    string
	Notice  error // what is worth a word and no problem, or nil

	// Unmatched are the patterns of Excludes and ExcludeRules that have met nothing, each
	// with where it was written. They are known when it is done.
	Unmatched []string
}

func takeSnapshot(ctx context.Context, e *engine.Engine, src Source, o SnapshotOptions) (*snapshot.Manifest, error) {
	start := e.Now()
	source, err := src.open(start)
	if err != nil {
		return nil, err
	}
	if slices.Contains(o.Tags, "") {
		return nil, errors.New("a tag is empty")
	}
	m := &snapshot.Manifest{
		Start: start, Hostname: o.Hostname, Paths: source.Paths, Layout: source.Layout,
		Tags: sortedUnique(o.Tags), Program: Program, Excludes: o.Excludes,
	}
	if m.Username = e.User; m.Hostname == "" {
		m.Hostname = e.Hostname
	}
	at := place.OfSource(source.Layout, source.Paths, src.onDisk)
	rules, notices, err := o.rules(at, source.Paths)
	if err != nil {
		return nil, err
	}
	m.Rules = o.recorded(rules)
	previous, held, err := before(ctx, e, m)
	if err != nil {
		return nil, err
	}
	m.Number = 1
	if previous != nil {
		m.Previous, m.Number = previous.ID, previous.Number+1
	}
	parent := o.Parent
	if parent == nil {
		parent = previous
	}
	if o.ReadAll {
		parent = nil
	}
	t := &taking{e: e, m: m, src: src, source: source, parent: parent, held: held, rules: rules, place: at, notices: notices, o: o}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	unread := max(m.Problems.Total, m.Unread.Files+m.Unread.Dirs)
	return m, t.report.lacking.Err(m.Missing, unread, "read")
}

// A taking is one snapshot being taken.
type taking struct {
	e      *engine.Engine
	m      *snapshot.Manifest
	src    Source
	source *capture.Source
	parent *snapshot.Manifest
	held   map[string]holding // see holdings
	rules  *ignore.Set
	o      SnapshotOptions

	place   *ignore.Place
	notices []error

	ctx     context.Context // ends when the session fails
	session *write.Session
	report  *reporter
	losses  catalog.LossSet
	resume  *capture.Resume
	history capture.History
}

func (t *taking) run(ctx context.Context) (err error) {
	if t.o.Workers <= 0 {
		t.o.Workers = runtime.GOMAXPROCS(0)
	}
	what := runs.Record{What: "snapshot", Hostname: []byte(t.m.Hostname)}
	for _, p := range t.m.Paths {
		what.Paths = append(what.Paths, []byte(p))
	}
	if t.session, t.ctx, err = write.Begin(ctx, t.e, runs.Writing, what, t.o.Compression, t.o.Workers); err != nil {
		return err
	}
	s := t.session
	defer s.Close()
	t.report = newReporter(t.e, s, t.parent, t.m.Start, t.o.Progress)
	t.report.rules = t.rules
	defer t.report.stop()
	for _, notice := range t.notices {
		t.report.notice("", notice)
	}
	defer func() { err = s.Cause(err) }()
	if t.losses, err = t.e.Catalog.Losses(t.ctx); err != nil {
		return err
	}
	if !t.o.ReadAll {
		if t.resume, err = s.Interrupted(t.ctx, t.m); err != nil {
			return err
		}
	}
	if t.history, err = history(t.ctx, t.e, t.held); err != nil {
		return err
	}
	if err := t.fill(); err != nil {
		return err
	}
	if t.e.Dry != nil {
		return s.Foresee(t.m, t.resume != nil)
	}
	p := write.Publication{Proven: t.resume == nil, Vouchers: []snapshot.ID{t.m.Parent}}
	if !t.src.once {
		p.Recapture = t.recapture
	}
	if err := s.Publish(t.ctx, t.m, p); err != nil {
		return err
	}
	_ = t.e.Catalog.RemoveLosses(t.ctx, t.losses, s.Has) // it is published; the next one tries again
	s.Succeed(t.ctx)
	return nil
}

// recapture takes everything from the source again: what older snapshots had is gone.
func (t *taking) recapture() (err error) {
	if t.source, err = t.src.open(t.m.Start); err != nil {
		return err
	}
	t.parent, t.resume = nil, nil
	t.report.restart(nil)
	return t.fill()
}

// fill captures the source and completes the manifest.
func (t *taking) fill() error {
	s, o, m := t.session, &t.o, t.m
	m.Parent = snapshot.ID{}
	if t.parent != nil {
		m.Parent = t.parent.ID
	}
	avoid := slices.Clone(o.Avoid)
	var clocks []string
	if t.e.Dir != "" {
		avoid, clocks = append(avoid, t.e.Dir), append(clocks, t.e.Dir)
	}
	result, err := capture.Run(t.ctx, t.source, capture.Options{
		Sink: s, Loader: t.e.Blobs, Params: t.e.Config.Params(),
		Parent: t.parent, IgnoreCTime: o.IgnoreCTime, IgnoreInode: o.IgnoreInode,
		Start: m.Start, Clocks: clocks,
		Resume: t.resume, Lost: t.losses.Tell(), Completed: s.Completed,
		Rules: t.rules, IgnoreFiles: o.IgnoreFiles, OneFileSystem: o.OneFileSystem,
		SkipCaches: o.SkipCaches, MaxFileSize: o.MaxFileSize, Avoid: avoid,
		Workers: o.Workers, Progress: t.report.counts(), Problem: t.report.problem, Notice: t.report.notice,
		History: t.history, Fstab: fstab(), AllowEmpty: o.AllowEmptySource,
		Heeded: misplaced(t.place, t.report.notice),
	})
	if err == nil {
		err = s.Flush()
	}
	if err != nil {
		return err
	}
	m.Root, m.Skipped, m.Problems, m.Missing = result.Root, result.Skipped, result.Problems, result.Missing
	m.Notes, m.Settled, m.Unread = result.Notes, result.Settled, result.Unread
	m.Stats = t.report.stats()
	if t.src.once && m.Stats.Bytes == 0 && !o.AllowEmptySource {
		return ErrEmptySource
	}
	m.End = t.e.Now()
	return nil
}

// before returns the newest snapshot of the same host, paths and kind, or nil, and what
// snapshots of that host and kind hold of the same paths.
func before(ctx context.Context, e *engine.Engine, like *snapshot.Manifest) (newest *snapshot.Manifest, held map[string]holding, err error) {
	all, _, err := e.Catalog.Stored(ctx)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return m.Hostname != like.Hostname || m.Kind != like.Kind })
	held = holdings(like, all, e.Now())
	all = slices.DeleteFunc(all, func(m *snapshot.Manifest) bool { return !slices.Equal(m.Paths, like.Paths) })
	return snapshot.Newest(all, e.Now()), held, nil
}

func sortedUnique(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// Program names this program and its version in manifests.
const Program = "qsnap " + Version

// Version is the version of this module.
const Version = "0.2.0"

// A reporter calls the progress function, from one goroutine at a time.
type reporter struct {
	session  *write.Session
	parent   *snapshot.Manifest
	start    time.Time
	now      func() time.Time
	call     func(SnapshotProgress)
	rules    *ignore.Set
	progress atomic.Pointer[capture.Progress]
	lacking  outcome.Causes

	mu   sync.Mutex // held during calls
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup
}

const progressInterval = 100 * time.Millisecond

func newReporter(e *engine.Engine, s *write.Session, parent *snapshot.Manifest, start time.Time, call func(SnapshotProgress)) *reporter {
	p := &reporter{session: s, parent: parent, start: start, now: e.Now, call: call, quit: make(chan struct{})}
	p.progress.Store(new(capture.Progress))
	if call != nil {
		p.done.Go(p.run)
	}
	return p
}

// counts returns what the capture counts in.
func (p *reporter) counts() *capture.Progress { return p.progress.Load() }

// restart counts from nothing again.
func (p *reporter) restart(parent *snapshot.Manifest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parent = parent
	p.lacking.Restart()
	p.progress.Store(new(capture.Progress))
}

func (p *reporter) run() {
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.report(SnapshotProgress{})
		case <-p.quit:
			return
		}
	}
}

func (p *reporter) report(u SnapshotProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.Stats, u.Parent, u.Elapsed = p.stats(), p.parent, p.now().Sub(p.start)
	if dir := p.counts().Current.Load(); dir != nil {
		u.Current = *dir
	}
	p.call(u)
}

func (p *reporter) problem(path string, err error) {
	p.lacking.Add(path, err)
	if p.call != nil {
		p.report(SnapshotProgress{Problem: err, Path: path})
	}
}

func (p *reporter) notice(path string, notice error) {
	if p.call != nil {
		p.report(SnapshotProgress{Notice: notice, Path: path})
	}
}

// stop ends the calls, with a last one.
func (p *reporter) stop() {
	p.once.Do(func() {
		close(p.quit)
		p.done.Wait()
		if p.call != nil {
			p.report(SnapshotProgress{Done: true, Unmatched: place.Unmatched(p.rules)})
		}
	})
}

func (p *reporter) stats() snapshot.Stats {
	c, s := p.counts(), p.session.Counts()
	return snapshot.Stats{
		Files: c.Files.Load(), Dirs: c.Dirs.Load(), Others: c.Others.Load(), Bytes: c.Bytes.Load(),
		NewFiles: c.NewFiles.Load(), ChangedFiles: c.ChangedFiles.Load(), SameFiles: c.SameFiles.Load(),
		NewDirs: c.NewDirs.Load(), ChangedDirs: c.ChangedDirs.Load(), SameDirs: c.SameDirs.Load(),
		BytesRead: c.BytesRead.Load(), DataBlobs: s.DataBlobs, TreeBlobs: s.TreeBlobs,
		DataAdded: s.DataAdded, TreeAdded: s.TreeAdded,
		DataStored: s.DataStored, TreeStored: s.TreeStored, IndexStored: s.IndexStored,
	}
}
