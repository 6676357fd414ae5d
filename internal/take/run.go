package take

import (
	"context"
	"slices"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
)

// A run takes one snapshot.
type run struct {
	e       *engine.Engine
	m       *snapshot.Manifest // being filled in
	src     Source
	source  *source.Source // src, opened
	parent  *snapshot.Manifest
	earlier map[string]earlierVersion // see findEarlier
	place   *ignore.Place
	rules   *ignore.Set
	accept  *ignore.Set // what may be unreadable
	notices []error     // about the rules
	o       Options

	ctx     context.Context // ends when the session fails
	session *write.Session
	report  *reporter
	losses  catalog.LossSet
	resume  *capture.Resume // what an interrupted run of the same source stored, or nil
	history capture.History
}

func (r *run) run(ctx context.Context) (err error) {
	s, ctx, err := write.Begin(ctx, r.e, runs.Writing, r.record(), r.o.Compression, r.o.Workers)
	if err != nil {
		return err
	}
	r.session, r.ctx = s, ctx
	defer s.Close()
	if r.m.Level == snapshot.LevelFull {
		s.VerifyReused()
	}
	r.report = newReporter(r)
	defer r.report.stop()
	for _, notice := range r.notices {
		r.report.notice("", notice)
	}
	defer func() { err = s.Cause(err) }()
	if err := r.prepare(); err != nil {
		return err
	}
	if err := r.capture(); err != nil {
		return err
	}
	if r.o.DryRun != nil {
		r.noteDamaged()
		return s.CountPublish(r.m, r.resume != nil)
	}
	p := write.Publication{Proven: r.resume == nil, Vouchers: []snapshot.ID{r.m.Parent}}
	if !r.src.once {
		p.Recapture = r.recapture
	}
	if err := s.Publish(r.ctx, r.m, p); err != nil {
		return err
	}
	// The snapshot is published whether or not this succeeds. The next run tries again.
	_ = r.e.Catalog.RemoveLosses(r.ctx, r.losses, s.Has)
	s.RetirePredecessors(r.ctx)
	if r.m.Level == snapshot.LevelFull {
		r.discardDamaged(r.ctx)
	}
	return nil
}

// record returns what the lease says of this run. That of a trial names no paths: it may be of
// a few files only, so no other run may resume it.
func (r *run) record() runs.Record {
	if r.m.Kind == snapshot.KindTrial {
		return runs.Record{What: "trial", Hostname: []byte(r.m.Hostname)}
	}
	what := runs.Record{What: "snapshot", Hostname: []byte(r.m.Hostname)}
	for _, p := range r.m.Paths {
		what.Paths = append(what.Paths, []byte(p))
	}
	return what
}

// prepare reads what earlier runs left in the repository for this one.
func (r *run) prepare() (err error) {
	if r.losses, err = r.e.Catalog.Losses(r.ctx); err != nil {
		return err
	}
	if !r.o.ReadAll && r.m.Kind == snapshot.KindSource {
		if r.resume, err = r.session.Interrupted(r.ctx, r.m); err != nil {
			return err
		}
	}
	if r.m.Level != snapshot.LevelIncremental {
		r.resume = nil // its packs are used, but its trees were compared with another snapshot
	}
	r.history, err = readHistory(r.ctx, r.e, r.earlier)
	return err
}

// recapture captures the whole source again, because data of earlier snapshots was deleted.
func (r *run) recapture() (err error) {
	if r.source, err = r.src.open(r.m.Start); err != nil {
		return err
	}
	r.parent, r.resume = nil, nil
	r.report.restart()
	return r.capture()
}

// capture captures the source and completes the manifest.
func (r *run) capture() error {
	s, o, m := r.session, &r.o, r.m
	m.Parent = snapshot.ID{}
	if r.parent != nil {
		m.Parent = r.parent.ID
	}
	avoid := slices.Clone(o.Avoid)
	var clocks []string
	if r.e.Dir != "" {
		avoid, clocks = append(avoid, r.e.Dir), append(clocks, r.e.Dir)
	}
	result, err := capture.Run(r.ctx, r.source, capture.Options{
		Sink: s, Loader: r.e.Blobs, Params: r.e.Config.Params(),
		Parent: r.parent, IgnoreCTime: o.IgnoreCTime, IgnoreInode: o.IgnoreInode,
		Start: m.Start, Clocks: clocks,
		Resume: r.resume, Lost: r.losses.Matcher(), Completed: s.Completed,
		Rules: r.rules, IgnoreFiles: o.IgnoreFiles, OneFileSystem: o.OneFileSystem,
		SkipCaches: o.SkipCaches, MaxFileSize: o.maxFileSize(), Avoid: avoid,
		Workers: o.Workers, Pace: r.e.Pace, SpareCache: r.e.SpareCache, Progress: r.report.counts.Load(), Problem: r.report.problem, Notice: r.report.notice,
		History: r.history, Fstab: fstab(), AllowEmpty: o.AllowEmptySource, MayBeEmpty: o.MayBeEmpty, AcceptUnread: r.accept,
		Heeded: misplaced(r.place, r.report.notice),
	})
	if err == nil {
		err = s.Flush()
	}
	if err != nil {
		return err
	}
	m.Root, m.Skipped, m.Problems, m.Missing = result.Root, result.Skipped, result.Problems, result.Missing
	m.Notes, m.Settled, m.Unread = result.Notes, result.Settled, result.Unread
	m.Stats = r.report.stats()
	if r.src.once && m.Stats.Bytes == 0 && !o.AllowEmptySource {
		return capture.ErrEmptySource
	}
	m.End = r.e.Now()
	return nil
}
