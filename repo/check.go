package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// CheckOptions say how thoroughly a repository is checked. The zero value checks
// that every snapshot reaches only what exists, and reads all but file data.
type CheckOptions struct {
	ReadData bool // read every byte of every pack, too
	// Part of the packs to read, from 1, if they are divided in Of parts, which
	// are always the same. Zero is all.
	Part, Of int
	// Percent of the packs to read, chosen at random. Zero is all.
	Percent float64
	Workers int // 0 is as many as processors

	// Progress is called now and then, by one goroutine at a time.
	Progress func(Progress)
}

// A FindingKind says what sort of thing a check has found.
type FindingKind string

// The kinds of findings. All but Unlisted, Foreign and Passing are damage.
const (
	BadConfig       FindingKind = "config"           // a copy of the config can't be read
	BadKey          FindingKind = "key"              // a key slot can't be read
	BadDelta        FindingKind = "index delta"      // an index delta can't be read
	MissingPack     FindingKind = "missing pack"     // a pack that a delta lists isn't there
	BadPack         FindingKind = "pack"             // a pack, or a part of it, can't be read
	BadManifest     FindingKind = "snapshot"         // a manifest can't be read
	MissingManifest FindingKind = "missing snapshot" // one that a later one follows isn't there
	Hidden          FindingKind = "hidden object"    // somebody has deleted or replaced it though it is locked
	Lost            FindingKind = "lost"             // a chunk or tree that is in no pack at all
	Unlisted        FindingKind = "unlisted pack"    // no index delta lists it: a session still runs, or was interrupted
	Foreign         FindingKind = "foreign object"   // not made by qsnap
	BadRecord       FindingKind = "record"           // what was forgotten, marked or lost can't be read
	Passing         FindingKind = "passing object"   // a small object can't be read, and will be removed or replaced
)

// A Finding is something that isn't as it should be.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	Object string      `json:"object"`  // its name on the target; of what is lost, a chunk or tree id
	What   string      `json:"message"` // what is wrong with it
	// Files are the first of those that can't be restored because of it; Total is
	// how many there are, in all snapshots.
	Files []AffectedFile `json:"-"`
	Total int            `json:"total_files,omitempty"`
}

// IsDamage reports whether a finding means that something can't be read.
func (f *Finding) IsDamage() bool {
	return f.Kind != Unlisted && f.Kind != Foreign && f.Kind != Passing
}

// An AffectedFile is a file, or a directory with all in it, of a snapshot.
type AffectedFile struct {
	Snapshot snapshot.ID
	Path     string
	Dir      bool
}

// maxAffected bounds the files that a finding names.
const maxAffected = 200

// A CheckReport is what a check has found.
type CheckReport struct {
	Findings  []Finding `json:"-"`
	Snapshots int       `json:"snapshots"`
	Trees     int       `json:"trees"`
	Packs     int       `json:"packs"`
	PackBytes int64     `json:"pack_bytes"` // of all packs
	BytesRead int64     `json:"bytes_read"` // of packs, to check their data
}

// Damaged reports whether any finding is damage.
func (r *CheckReport) Damaged() bool {
	for i := range r.Findings {
		if r.Findings[i].IsDamage() {
			return true
		}
	}
	return false
}

// damage returns the findings that are damage, as errors.
func (r *CheckReport) damage() (out []error) {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.IsDamage() {
			out = append(out, &DamageError{Object: f.Object, Err: errors.New(f.What)})
		}
	}
	return out
}

func runCheck(ctx context.Context, e *engine.Engine, o CheckOptions) (*CheckReport, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Of < 0 || o.Part < 0 || o.Part > o.Of || (o.Part == 0) != (o.Of == 0) || o.Percent < 0 || o.Percent > 100 {
		return nil, errors.New("check: the part of the packs to read is none")
	}
	if run, err := e.Sealer.NewRun(); err == nil {
		if l, err := e.Runs.Begin(ctx, run, runs.Reading, runs.Record{What: "check"}); err == nil { // else it can't be written
			l.Keep(ctx, nil)
			defer l.Release(ctx)
		}
	}
	for try := 0; ; try++ {
		c, err := newChecker(e, o)
		if err != nil {
			return nil, err
		}
		changed, err := c.run(ctx)
		c.close()
		if errors.Is(err, fs.ErrNotExist) && try < checkTries {
			continue // a prune that took this for dead has deleted what was being read
		}
		if err != nil {
			return &c.report, err
		}
		if !c.report.Damaged() || !changed || try == checkTries {
			return &c.report, outcome.Damage("check has found damage", c.report.damage())
		}
	}
}

// checkTries is how often a check begins again that found damage while packs were
// being moved by others, which may look like it.
const checkTries = 5

// run checks everything, and reports whether packs were moved meanwhile.
func (c *checker) run(ctx context.Context) (changed bool, err error) {
	before, err := c.deltaNames(ctx)
	if err != nil {
		return false, err
	}
	// What a snapshot reaches is there before it, and a pack before the delta that
	// lists it: in this order nothing that is made meanwhile looks like damage.
	for _, step := range []func(context.Context) error{
		c.checkHidden, c.checkConfigs, c.checkKeys, c.checkRecords, c.listSnapshots, c.checkDeltas, c.listPacks, c.checkUnlisted,
		c.readPacks, c.checkSnapshots, c.findAffected,
	} {
		if err := step(ctx); err != nil {
			return false, err
		}
	}
	if !c.report.Damaged() {
		return false, nil
	}
	after, err := c.deltaNames(ctx)
	if err != nil {
		return false, err
	}
	for name := range before {
		changed = changed || !after[name]
	}
	return changed, nil
}

// deltaNames lists the index deltas: none goes but when packs are moved or deleted.
func (c *checker) deltaNames(ctx context.Context) (map[string]bool, error) {
	names := map[string]bool{}
	for info, err := range c.e.Store.List(ctx, object.Deltas) {
		if err != nil {
			return nil, err
		}
		names[info.Name] = true
	}
	return names, nil
}

// newChecker returns a checker with an index made from the target: the local one may
// be what is damaged. Nor may what was read before hide what can't be read now.
func newChecker(e *engine.Engine, o CheckOptions) (*checker, error) {
	fresh, err := engine.Fresh(e)
	if err != nil {
		return nil, err
	}
	return &checker{
		e: fresh, o: o, index: fresh.Index, start: e.Now(),
		packs: map[pack.ID]*checkedPack{}, objects: map[string]int{},
		trees: map[chunk.ID]bool{}, lost: map[chunk.ID]int{},
	}, nil
}

func (c *checker) close() { _ = engine.Close(c.e) } // a temporary directory is left at worst

type checker struct {
	e     *engine.Engine
	o     CheckOptions
	index *index.Index
	start time.Time

	ids       []snapshot.ID
	packs     map[pack.ID]*checkedPack
	only      map[pack.ID]bool // the packs to read, unless nil
	manifests []*snapshot.Manifest
	trees     map[chunk.ID]bool // directories that were walked, and whether all in them is well
	lost      map[chunk.ID]int  // chunks and trees that can't be read, and the finding that says why
	buffers   sync.Pool         // of *segmentBuffers

	mu      sync.Mutex
	report  CheckReport
	objects map[string]int // the finding for an object
}

// A checkedPack is a pack that is on the target, or listed in a delta.
type checkedPack struct {
	listed int64        // its size as listed, or 0
	size   int64        // on the target, or 0
	parts  map[int]bool // segments that can't be read
}

// find notes what is wrong with an object, once, and returns the finding's number.
func (c *checker) find(kind FindingKind, sealed, what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.objects[sealed]; ok {
		return n
	}
	n := len(c.report.Findings)
	c.report.Findings = append(c.report.Findings, Finding{Kind: kind, Object: sealed, What: what})
	c.objects[sealed] = n
	return n
}

func (c *checker) progress(phase Phase, done, total int64, unit Unit) {
	if c.o.Progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.o.Progress(Progress{phase, done, total, unit, c.e.Now().Sub(c.start)})
}

// checkHidden finds what is locked and can't be seen all the same. It comes first: that
// something is missing is no news then.
func (c *checker) checkHidden(ctx context.Context) error {
	u, ok := object.As[target.VersionRestorer](c.e.Store)
	if !ok {
		return nil
	}
	return u.Hidden(ctx, "", func(info target.Info) error {
		c.find(Hidden, info.Name, "somebody has deleted or replaced it, though it is locked; its bytes are still there")
		return nil
	})
}

// checkConfigs checks both copies of the config.
func (c *checker) checkConfigs(ctx context.Context) error {
	sealed, err := config.Read(ctx, c.e.Store, true)
	if err != nil {
		return err
	}
	for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
		if sealed[name] == nil {
			if err := c.checkUnread(ctx, name); err != nil {
				return err
			}
		} else if _, err := config.OpenOne(c.e.Ring, sealed[name]); err != nil {
			c.find(BadConfig, name, err.Error())
		}
	}
	return c.checkSiblings(ctx)
}

// checkUnread says why a copy of the config could not be read.
func (c *checker) checkUnread(ctx context.Context, name string) error {
	_, err := c.e.Store.ReadAll(ctx, name, object.MaxConfig)
	damage := (*DamageError)(nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.find(BadConfig, name, "it is missing")
	case errors.As(err, &damage):
		c.find(BadConfig, name, damage.Err.Error())
	case err != nil:
		return err
	default:
		c.find(BadConfig, name, "it could not be read at first")
	}
	return nil
}

// checkSiblings checks that what makes a twin or a replica can be read.
func (c *checker) checkSiblings(ctx context.Context) error {
	for _, name := range []string{object.TwinName, object.ReplicaName} {
		b, err := c.e.Store.ReadFront(ctx, name, config.SiblingSize+1)
		damage := (*DamageError)(nil)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.As(err, &damage):
			c.find(BadConfig, name, damage.Err.Error())
		case err != nil:
			return err
		case len(b) != config.SiblingSize:
			c.find(BadConfig, name, fmt.Sprintf("it doesn't have %d bytes", config.SiblingSize))
		}
	}
	return nil
}

// checkKeys checks that the key slots can be read, which only their secrets open, and that
// all epochs of the keys count.
func (c *checker) checkKeys(ctx context.Context) error {
	return c.e.Keys.Check(ctx, func(name, what string) { c.find(BadKey, name, what) })
}

// listSnapshots notes which snapshots there are.
func (c *checker) listSnapshots(ctx context.Context) error {
	for info, err := range c.e.Store.List(ctx, object.Snapshots) {
		if err != nil {
			return err
		}
		id, err := snapshot.ParseID(object.Snapshots.Rest(info.Name))
		if err != nil {
			c.find(Foreign, info.Name, "its name is not that of a snapshot")
			continue
		}
		c.ids = append(c.ids, id)
	}
	return nil
}

// checkSnapshots reads every manifest and all that it reaches.
func (c *checker) checkSnapshots(ctx context.Context) error {
	there := map[snapshot.ID]bool{}
	for i, id := range c.ids {
		c.progress("snapshots", int64(i), int64(len(c.ids)), Snapshots)
		m, err := c.e.Catalog.Read(ctx, id)
		var damage *DamageError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // forgotten meanwhile
		case errors.As(err, &damage):
			there[id] = true
			c.find(BadManifest, damage.Object, damage.Err.Error())
			continue
		case err != nil:
			return err
		}
		there[id], there[m.Original] = true, true
		c.report.Snapshots++
		c.manifests = append(c.manifests, m)
		for _, dir := range m.Dirs() {
			if _, err := c.walk(ctx, dir); err != nil {
				return err
			}
		}
	}
	c.report.Trees = len(c.trees)
	forgotten, err := c.forgotten(ctx)
	if err != nil {
		return err
	}
	for _, m := range c.manifests {
		if !m.Previous.IsZero() && !there[m.Previous] && !forgotten[m.Previous] {
			c.find(MissingManifest, object.Snapshots.Name(m.Previous), fmt.Sprintf("snapshot %s of %s, number %d, follows it", m.ID.Short(), m.Hostname, m.Number))
		}
	}
	return nil
}

// forgotten lists the snapshots that were forgotten, which is why they are missing.
func (c *checker) forgotten(ctx context.Context) (map[snapshot.ID]bool, error) {
	out := map[snapshot.ID]bool{}
	for info, err := range c.e.Store.List(ctx, object.Forgotten) {
		if err != nil {
			return nil, err
		}
		if id, err := snapshot.ParseID(object.Forgotten.Rest(info.Name)); err == nil {
			out[id] = true
		}
	}
	return out, nil
}
