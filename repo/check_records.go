package repo

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// recordSorts are the small objects beside snapshots, by prefix, and what opens one
// of that name. That one of them can't be read is damage if something is lost with
// it; the others go by themselves.
var recordSorts = []struct {
	prefix  string
	limit   int64
	finding FindingKind
	open    func(r *Repo, name string, object []byte) error
}{
	{forgottenPrefix, maxManifest, BadRecord, openManifestRecord},
	{pendingPrefix, maxManifest, Passing, openManifestRecord},
	{marksPrefix, maxMark, BadRecord, func(r *Repo, name string, object []byte) error {
		_, err := r.openMark(name, object)
		return err
	}},
	{lossesPrefix, maxLoss, BadRecord, func(r *Repo, name string, object []byte) error {
		_, err := r.box.Open(seal.Loss, object)
		if err == nil && hashName(lossesPrefix, object) != name {
			err = errHash
		}
		return err
	}},
	{leasesPrefix, maxLease, Passing, func(r *Repo, name string, object []byte) error {
		l, _ := parseLeaseName(name)
		_, err := r.openLease(l, object)
		return err
	}},
	{quarantinePrefix, maxQuarantine, Passing, func(r *Repo, name string, object []byte) error {
		_, err := r.openQuarantine(name, object)
		return err
	}},
}

func openManifestRecord(r *Repo, name string, object []byte) error {
	_, err := r.box.Open(seal.Manifest, object)
	if id, _ := manifestOf(name); err == nil && blake3.Sum256(object) != id {
		err = errHash
	}
	return err
}

func openReserve(r *Repo, name string, object []byte) error {
	_, err := r.box.Open(seal.Reserve, object)
	return err
}

// checkRecords checks that the small objects can be read, and what they are named by.
func (c *checker) checkRecords(ctx context.Context) error {
	for _, sort := range recordSorts {
		for info, err := range c.r.target.List(ctx, sort.prefix) {
			if err != nil {
				return err
			}
			if !isRecordName(sort.prefix, info.Name) {
				c.find(Foreign, info.Name, "its name is none of those below "+sort.prefix)
				continue
			}
			if err := c.checkRecord(ctx, info.Name, sort.limit, sort.finding, sort.open); err != nil {
				return err
			}
		}
	}
	err := c.checkRecord(ctx, reserveName, 2*reserveSize, Passing, openReserve)
	if _, statErr := c.r.target.Stat(ctx, reserveName); err == nil && errors.Is(statErr, fs.ErrNotExist) {
		c.find(Passing, reserveName, "it is missing; prune stores it again")
	}
	return err
}

func (c *checker) checkRecord(ctx context.Context, name string, limit int64, finding FindingKind, open func(*Repo, string, []byte) error) error {
	object, err := target.ReadAll(ctx, c.r.target, name, limit)
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
	err = open(c.r, name, object)
	if errors.Is(err, ErrNewerKey) {
		return damage(name, err)
	}
	if err != nil {
		c.find(finding, name, err.Error())
	}
	return nil
}

// manifestOf returns the id of a pending or forgotten manifest.
func manifestOf(name string) (snapshot.ID, bool) {
	for _, prefix := range []string{pendingPrefix, forgottenPrefix} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			id, err := snapshot.ParseID(rest)
			return id, err == nil
		}
	}
	return snapshot.ID{}, false
}

func isRecordName(prefix, name string) bool {
	switch prefix {
	case leasesPrefix:
		_, ok := parseLeaseName(name)
		return ok
	case quarantinePrefix:
		_, _, ok := parseQuarantineName(name)
		return ok
	case marksPrefix:
		_, _, ok := parseMarkName(name)
		return ok
	case lossesPrefix:
		_, err := snapshot.ParseID(strings.TrimPrefix(name, prefix))
		return err == nil
	}
	_, ok := manifestOf(name)
	return ok
}
