package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// A contents is what a table to be will hold, apart from the entries.
type contents struct {
	packs   []*pack.Info // by number; their blobs are not looked at
	numbers map[pack.ID]uint32
	deltas  map[ID][]uint32
}

func newContents() *contents {
	return &contents{numbers: map[pack.ID]uint32{}, deltas: map[ID][]uint32{}}
}

// number returns the number of a pack, and whether it is new.
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
	batchGroups = 64 // in a transaction
)

// writeTable writes a table into dir, from entries in order, and returns its
// path. A table that a crash leaves unfinished never gets its name.
func writeTable(dir string, c *contents, entries iter.Seq2[entry, error]) (path string, err error) {
	defer survive(&err)
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
	// Nothing is synced until the end: a crash before it leaves no table.
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

// fillBlobs loads the blobs in batches, in order, so that bbolt only ever adds to
// its last pages, and returns how many entries there are.
func fillBlobs(db *bolt.DB, entries iter.Seq2[entry, error]) (count uint64, err error) {
	b := &blobLoader{db: db}
	defer b.rollback()
	var last entry
	for e, err := range entries {
		switch {
		case err != nil:
			return 0, err
		case count > 0 && e == last: // merged tables may share packs
			continue
		case b.full() && e.id != last.id:
			if err := b.put(); err != nil {
				return 0, err
			}
		}
		b.add(&e)
		b.ids = append(b.ids, e.id[:]...)
		last = e
		count++
	}
	return count, b.finish()
}

// A blobLoader stores groups, many in a transaction.
type blobLoader struct {
	groupBuilder
	db     *bolt.DB
	tx     *bolt.Tx
	groups int    // in the transaction
	ids    []byte // in the transaction
}

// put stores the group so far.
func (b *blobLoader) put() error {
	if err := b.begin(); err != nil {
		return err
	}
	bucket := b.tx.Bucket(blobsBucket)
	bucket.FillPercent = 1
	if err := bucket.Put(b.take()); err != nil {
		return err
	}
	if b.groups++; b.groups < batchGroups {
		return nil
	}
	return b.commit()
}

func (b *blobLoader) begin() (err error) {
	if b.tx != nil {
		return nil
	}
	if b.tx, err = b.db.Begin(true); err != nil {
		return err
	}
	_, err1 := b.tx.CreateBucketIfNotExists(blobsBucket)
	_, err2 := b.tx.CreateBucketIfNotExists(filterBucket)
	return errors.Join(err1, err2)
}

// commit ends the transaction with the filter of its blobs.
func (b *blobLoader) commit() error {
	if n := len(b.ids); n > 0 {
		end := bytes.Clone(b.ids[n-chunk.IDSize:])
		if err := b.tx.Bucket(filterBucket).Put(end, filterBlocks(b.ids)); err != nil {
			return err
		}
		b.ids = b.ids[:0]
	}
	tx := b.tx
	b.tx, b.groups = nil, 0
	return tx.Commit()
}

// finish stores what is left. There is a bucket even if it is empty.
func (b *blobLoader) finish() error {
	if len(b.group) > 0 {
		if err := b.put(); err != nil {
			return err
		}
	}
	if err := b.begin(); err != nil {
		return err
	}
	return b.commit()
}

// rollback gives up a transaction that an error left.
func (b *blobLoader) rollback() {
	if b.tx != nil {
		_ = b.tx.Rollback()
	}
}
