package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/qsnap/qsnap/pack"
)

// contents is what a new table will hold, except the entries.
type contents struct {
	packs   []*pack.Info // by number; their blobs are ignored
	numbers map[pack.ID]uint32
	deltas  map[ID][]uint32
}

func newContents() *contents {
	return &contents{numbers: map[pack.ID]uint32{}, deltas: map[ID][]uint32{}}
}

// number returns the number of a pack, and whether the pack is new to c.
func (c *contents) number(p *pack.Info) (n uint32, fresh bool) {
	if n, ok := c.numbers[p.ID]; ok {
		return n, false
	}
	n = uint32(len(c.packs))
	c.packs = append(c.packs, p)
	c.numbers[p.ID] = n
	return n, true
}

const (
	tableSuffix = ".db"
	newPrefix   = "new-"
)

// writeTable writes a table into dir, from entries in order, and returns its path. A
// table gets its final name only when it is complete.
func writeTable(dir string, c *contents, entries iter.Seq2[entry, error]) (path string, err error) {
	defer recoverDamage(&err)
	f, err := os.CreateTemp(dir, newPrefix+"*")
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	f.Close()
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	// Sync only at the end: a crash before that leaves no table.
	db, err := bolt.Open(f.Name(), 0o600, &bolt.Options{NoSync: true, NoGrowSync: true, NoStatistics: true})
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	err = errors.Join(fillTable(db, c, entries), db.Sync(), db.Close())
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	path = filepath.Join(dir, strings.TrimPrefix(filepath.Base(f.Name()), newPrefix)+tableSuffix)
	return path, os.Rename(f.Name(), path)
}

func fillTable(db *bolt.DB, c *contents, entries iter.Seq2[entry, error]) error {
	count, err := fillBlobs(db, entries)
	if err != nil {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		packs, err1 := tx.CreateBucketIfNotExists(packsBucket)
		deltas, err2 := tx.CreateBucketIfNotExists(deltasBucket)
		meta, err3 := tx.CreateBucketIfNotExists(metaBucket)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		packs.FillPercent = 1
		for n, p := range c.packs {
			var bare = *p
			bare.Blobs = nil
			if err := packs.Put(numberKey(uint32(n)), bare.AppendFooter(appendDescription(nil, &bare))); err != nil {
				return err
			}
		}
		for id, numbers := range c.deltas {
			var v []byte
			for _, n := range numbers {
				v = binary.BigEndian.AppendUint32(v, n)
			}
			if err := deltas.Put(id[:], v); err != nil {
				return err
			}
		}
		return errors.Join(
			meta.Put(countKey, binary.BigEndian.AppendUint64(nil, count)),
			meta.Put(completeKey, []byte(tableVersion)))
	})
}

func numberKey(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// fillBlobs stores the blobs, one group per transaction, so that only one group is in
// memory. It returns the number of entries.
func fillBlobs(db *bolt.DB, entries iter.Seq2[entry, error]) (count uint64, err error) {
	var b groupBuilder
	var last entry
	for e, err := range entries {
		switch {
		case err != nil:
			return 0, err
		case count > 0 && e == last: // tables that are merged may share packs
			continue
		case b.len() >= groupBlobs && e.id != last.id:
			if err := putGroup(db, &b); err != nil {
				return 0, err
			}
		}
		b.add(&e)
		last = e
		count++
	}
	return count, putGroup(db, &b)
}

// putGroup stores the group built so far, unless it is empty. Each group has a bucket of
// its own, because adding to a bucket makes bbolt rewrite it.
func putGroup(db *bolt.DB, b *groupBuilder) error {
	return db.Update(func(tx *bolt.Tx) error {
		blobs, err := tx.CreateBucketIfNotExists(blobsBucket)
		if err != nil || b.len() == 0 {
			return err
		}
		own, err := blobs.CreateBucket(b.last[:])
		if err != nil {
			return err
		}
		return own.Put(groupKey, b.take())
	})
}
