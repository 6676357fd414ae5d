package repo

import (
	"context"
	"errors"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// recordKinds are the small objects beside snapshots, by kind, and what opens one
// of that name. That one of them can't be read is damage if something is lost with
// it; the others go by themselves.
var recordKinds = []struct {
	kind    object.Kind
	limit   int64
	finding FindingKind
	open    func(e *engine.Engine, name string, sealed []byte) error
}{
	{object.Forgotten, object.MaxManifest, BadRecord, openManifestRecord},
	{object.Pending, object.MaxManifest, Passing, openManifestRecord},
	{object.Marks, catalog.MaxMark, BadRecord, func(e *engine.Engine, name string, sealed []byte) error { return e.Catalog.CheckMark(name, sealed) }},
	{object.Losses, catalog.MaxLoss, BadRecord, func(e *engine.Engine, name string, sealed []byte) error {
		_, err := e.Sealer.Open(seal.Loss, sealed)
		if err == nil && object.Losses.HashName(sealed) != name {
			err = object.ErrHash
		}
		return err
	}},
	{object.Leases, runs.MaxLease, Passing, func(e *engine.Engine, name string, sealed []byte) error { return e.Runs.CheckLease(name, sealed) }},
	{object.Quarantine, runs.MaxQuarantine, Passing, func(e *engine.Engine, name string, sealed []byte) error { return e.Runs.CheckQuarantine(name, sealed) }},
}

func openManifestRecord(e *engine.Engine, name string, sealed []byte) error {
	_, err := e.Sealer.Open(seal.Manifest, sealed)
	if id, _ := manifestOf(name); err == nil && blake3.Sum256(sealed) != id {
		err = object.ErrHash
	}
	return err
}

func openReserve(e *engine.Engine, name string, sealed []byte) error {
	_, err := e.Sealer.Open(seal.Reserve, sealed)
	return err
}

// checkRecords checks that the small objects can be read, and what they are named by.
func (c *checker) checkRecords(ctx context.Context) error {
	for _, k := range recordKinds {
		for info, err := range c.e.Store.List(ctx, k.kind) {
			if err != nil {
				return err
			}
			if !isRecordName(k.kind, info.Name) {
				c.find(Foreign, info.Name, "its name is none of those below "+string(k.kind))
				continue
			}
			if err := c.checkRecord(ctx, info.Name, k.limit, k.finding, k.open); err != nil {
				return err
			}
		}
	}
	err := c.checkRecord(ctx, object.ReserveName, object.MaxReserve, Passing, openReserve)
	if _, statErr := c.e.Store.Stat(ctx, object.ReserveName); err == nil && errors.Is(statErr, fs.ErrNotExist) {
		c.find(Passing, object.ReserveName, "it is missing; prune stores it again")
	}
	return err
}

func (c *checker) checkRecord(ctx context.Context, name string, limit int64, finding FindingKind, open func(*engine.Engine, string, []byte) error) error {
	sealed, err := c.e.Store.ReadAll(ctx, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		c.find(finding, name, damage.Err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	err = open(c.e, name, sealed)
	if errors.Is(err, ErrNewerKey) {
		return object.Unopened(name, err)
	}
	if err != nil {
		c.find(finding, name, err.Error())
	}
	return nil
}

// manifestOf returns the id of a pending or forgotten manifest.
func manifestOf(name string) (snapshot.ID, bool) {
	for _, kind := range []object.Kind{object.Pending, object.Forgotten} {
		if kind.Has(name) {
			id, err := snapshot.ParseID(kind.Rest(name))
			return id, err == nil
		}
	}
	return snapshot.ID{}, false
}

func isRecordName(kind object.Kind, name string) bool {
	switch kind {
	case object.Leases:
		return runs.IsLeaseName(name)
	case object.Quarantine:
		return runs.IsQuarantineName(name)
	case object.Marks:
		_, _, ok := catalog.ParseMarkName(name)
		return ok
	case object.Losses:
		_, err := snapshot.ParseID(kind.Rest(name))
		return err == nil
	}
	_, ok := manifestOf(name)
	return ok
}
