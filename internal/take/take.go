package take

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// Options say how a snapshot is taken.
type Options struct {
	Program  string // named in the manifest
	Hostname string // empty means that of the engine
	Tags     []string
	Job      snapshot.Job

	// Kind is KindSource, or KindTrial for a sample that the caller forgets at once.
	Kind snapshot.Kind
	// Level decides what the snapshot is compared with: incremental with Parent, differential
	// with the last full snapshot of the source, full with none. A differential one without a
	// full one before it is full.
	Level snapshot.Level
	// Parent is the snapshot to compare with. Nil means the newest of the same source.
	Parent      *snapshot.Manifest
	ReadAll     bool // have no parent
	IgnoreCTime bool // don't compare change times
	IgnoreInode bool // don't compare inode numbers

	Excludes      []string      // patterns
	ExcludeRules  []ignore.Rule // the same, parsed; they decide what Excludes don't
	IgnoreFiles   []string      // names of files with patterns, beside the program's own
	OneFileSystem bool
	SkipCaches    bool
	MaxFileSize   *int64   // leave out larger files; nil means no limit
	Avoid         []string // directories that are not entered

	AllowEmptySource bool
	MayBeEmpty       []string
	AcceptUnread     []string
	Compression      pack.Level
	Workers          int // 0 means as many as processors

	// DryRun, if not nil, makes this a dry run: nothing is stored, and DryRun receives what
	// the snapshot would cost.
	DryRun *outcome.Cost
	// Progress is called now and then, and once for each problem and notice, by one
	// goroutine at a time. It may be nil.
	Progress func(Progress)
}

// Run takes a snapshot and returns its manifest. If something is missing or could not be
// read, the error is an *outcome.IncompleteError: the snapshot was taken all the same. After
// any other error there is none.
func Run(ctx context.Context, e *engine.Engine, src Source, o Options) (*snapshot.Manifest, error) {
	if o.DryRun == nil {
		return take(ctx, e, src, o)
	}
	dry, err := engine.Dry(e)
	if err != nil {
		return nil, err
	}
	defer engine.Close(dry)
	m, err := take(ctx, dry, src, o)
	*o.DryRun = outcome.Cost{
		Requests: int64(dry.Dry.Requests.Load()), BytesUp: int64(dry.Dry.Up.Load()), BytesDown: int64(dry.Dry.Down.Load()),
	}
	return m, err
}

func take(ctx context.Context, e *engine.Engine, src Source, o Options) (*snapshot.Manifest, error) {
	r, err := newRun(ctx, e, src, o)
	if err != nil {
		return nil, err
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	unread := max(r.m.Problems.Total, r.m.Unread.Files+r.m.Unread.Dirs)
	return r.m, r.report.causes.Err(r.m.Missing, unread, "read")
}

// newRun prepares a snapshot: what it leaves out, and which earlier ones it is compared with.
func newRun(ctx context.Context, e *engine.Engine, src Source, o Options) (*run, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if src.open == nil {
		return nil, errors.New("no source was given: make one by Paths, FromFS or Stream")
	}
	r := &run{e: e, src: src, o: o}
	start := e.Now()
	var err error
	if r.source, err = src.open(start); err != nil {
		return nil, err
	}
	if err := o.valid(); err != nil {
		return nil, err
	}
	if src.onDisk {
		if err := avoided(r.source.Paths, o.Avoid); err != nil {
			return nil, err
		}
	}
	tags := slices.Clone(o.Tags)
	slices.Sort(tags)
	r.m = &snapshot.Manifest{
		Start: start, Hostname: o.Hostname, Username: e.User, Paths: r.source.Paths, Layout: r.source.Layout,
		Tags: slices.Compact(tags), Program: o.Program, Excludes: o.Excludes, Job: o.Job, Kind: o.Kind,
	}
	if r.m.Hostname == "" {
		r.m.Hostname = e.Hostname
	}
	r.place = place.OfSource(r.source.Layout, r.source.Paths, src.onDisk)
	if r.rules, r.notices, err = o.rules(r.place, r.source.Paths); err != nil {
		return nil, err
	}
	if r.accept, err = o.acceptUnread(r.place); err != nil {
		return nil, err
	}
	r.m.Rules = o.recorded(r.rules)
	found, err := findEarlier(ctx, e, r.m)
	if err != nil {
		return nil, err
	}
	r.m.Number = 1
	if found.newest != nil {
		r.m.Previous, r.m.Number = found.newest.ID, found.newest.Number+1
	}
	r.earlier = found.named
	r.chooseParent(found)
	return r, nil
}

// valid returns an error for options that can't be meant.
func (o *Options) valid() error {
	switch {
	case o.Kind != snapshot.KindSource && o.Kind != snapshot.KindTrial:
		return fmt.Errorf("a snapshot of kind %q can't be taken: want a source version or a trial", o.Kind)
	case o.Level != snapshot.LevelIncremental && o.Level != snapshot.LevelDifferential && o.Level != snapshot.LevelFull:
		return fmt.Errorf("unknown level %q", o.Level)
	case o.Level != snapshot.LevelIncremental && o.Parent != nil:
		return fmt.Errorf("a %v snapshot is compared with no chosen parent: leave out the parent or the level", o.Level)
	case o.Level == snapshot.LevelDifferential && o.ReadAll:
		return errors.New("a differential snapshot doesn't read all files: leave out the level, or take a full one")
	case slices.Contains(o.Tags, ""):
		return errors.New("a tag is empty: leave it out")
	case o.MaxFileSize != nil && *o.MaxFileSize < 1:
		return fmt.Errorf("the limit of file sizes is %d bytes: it must be at least 1", *o.MaxFileSize)
	}
	return nil
}

// maxFileSize returns the limit of file sizes, or 0 for none.
func (o *Options) maxFileSize() int64 {
	if o.MaxFileSize == nil {
		return 0
	}
	return *o.MaxFileSize
}
