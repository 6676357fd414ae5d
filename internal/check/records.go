package check

import (
	"context"
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
)

// A recordKind is a kind of small objects beside snapshots. If one of them can't be read, that
// is damage only if something is lost with it. The others are removed or replaced in time.
type recordKind struct {
	kind    object.Kind
	limit   int64
	finding Kind
	isName  func(name string) bool
	verify  func(e *engine.Engine, name string, sealed []byte) error // returns what is wrong
}

var recordKinds = []recordKind{
	{object.Forgotten, object.MaxManifest, BadRecord, isIDOf(object.Forgotten), verifyManifestOf(object.Forgotten)},
	{object.Pending, object.MaxManifest, Passing, isIDOf(object.Pending), verifyManifestOf(object.Pending)},
	{object.Marks, catalog.MaxMark, BadRecord, isMarkName, func(e *engine.Engine, name string, sealed []byte) error { return e.Catalog.CheckMark(name, sealed) }},
	{object.Losses, catalog.MaxLoss, BadRecord, isIDOf(object.Losses), func(e *engine.Engine, name string, sealed []byte) error { return e.Catalog.CheckLoss(name, sealed) }},
	{object.Leases, runs.MaxLease, Passing, runs.IsLeaseName, func(e *engine.Engine, name string, sealed []byte) error { return e.Runs.CheckLease(name, sealed) }},
	{object.Quarantine, runs.MaxQuarantine, Passing, runs.IsQuarantineName, func(e *engine.Engine, name string, sealed []byte) error { return e.Runs.CheckQuarantine(name, sealed) }},
}

func isIDOf(k object.Kind) func(string) bool {
	return func(name string) bool {
		_, ok := k.ID(name)
		return ok
	}
}

func isMarkName(name string) bool {
	_, _, ok := catalog.ParseMarkName(name)
	return ok
}

// verifyManifestOf returns what verifies a copy of a manifest, whose name has the manifest's id.
func verifyManifestOf(k object.Kind) func(*engine.Engine, string, []byte) error {
	return func(e *engine.Engine, name string, sealed []byte) error {
		return e.Catalog.CheckManifest(k, name, sealed)
	}
}

func verifyReserve(e *engine.Engine, name string, sealed []byte) error {
	_, err := e.Sealer.Open(seal.Reserve, sealed)
	return err
}

// checkRecords checks that the small objects can be read, and are those that their names say.
func (c *checker) checkRecords(ctx context.Context) error {
	for _, k := range recordKinds {
		for info, err := range c.e.Store.List(ctx, k.kind) {
			if err != nil {
				return err
			}
			if !k.isName(info.Name) {
				c.add(Foreign, info.Name, "its name is none of those below "+string(k.kind))
				continue
			}
			if err := c.checkRecord(ctx, info.Name, k); err != nil {
				return err
			}
		}
	}
	return c.checkReserve(ctx)
}

// checkReserve checks the object that is deleted when there is no other space.
func (c *checker) checkReserve(ctx context.Context) error {
	err := c.checkRecord(ctx, object.ReserveName, recordKind{limit: object.MaxReserve, finding: Passing, verify: verifyReserve})
	if _, statErr := c.e.Store.Stat(ctx, object.ReserveName); err == nil && errors.Is(statErr, fs.ErrNotExist) {
		c.add(Passing, object.ReserveName, "it is missing; prune stores it again")
	}
	return err
}

func (c *checker) checkRecord(ctx context.Context, name string, k recordKind) error {
	sealed, err := c.e.Store.ReadAll(ctx, name, k.limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if damage, ok := errors.AsType[*object.DamageError](err); ok {
		c.add(k.finding, name, damage.Err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	err = k.verify(c.e, name, sealed)
	if errors.Is(err, seal.ErrNoKey) {
		return object.OpenError(name, err)
	}
	if err != nil {
		c.add(k.finding, name, err.Error())
	}
	return nil
}
