package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// Buckets and keys of a table. A blob's value is one or more places, each a
// pack's number (4 bytes, big-endian), segment, offset and length (unsigned
// varints). A pack's value is its description, as in a delta, and a footer
// without blobs. A delta's value is the numbers of its packs.
var (
	blobsBucket  = []byte("blobs")  // blob id → places
	packsBucket  = []byte("packs")  // pack number → description and segments
	deltasBucket = []byte("deltas") // delta id → pack numbers
	metaBucket   = []byte("meta")
	completeKey  = []byte("complete") // tableVersion; the last thing written
	countKey     = []byte("blobs")    // how many, 8 bytes big-endian
)

const tableVersion = "1"

var errTable = errors.New("index table: damaged")

// A table is a bbolt file that is never changed once it has its name, so that
// any number of processes have it open and none waits for another's lock.
// It is safe for concurrent use.
type table struct {
	path   string
	db     *bolt.DB
	count  uint64
	deltas map[ID][]uint32 // pack numbers

	mu    sync.Mutex
	txs   []*bolt.Tx            // all read transactions that were begun
	idle  []*bolt.Tx            // those of them that nobody uses
	packs map[uint32]*pack.Info // without blobs, as far as they were looked up
	gone  map[ID]bool           // deltas that are on the target no more
	dead  map[uint32]bool       // packs that only such deltas list
}

// openTable opens a table, or fails with errTable if it is damaged.
func openTable(path string) (t *table, err error) {
	defer survive(&err)
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: 5 * time.Second, NoStatistics: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", errTable, filepath.Base(path), err)
	}
	t = &table{path: path, db: db, deltas: map[ID][]uint32{}, packs: map[uint32]*pack.Info{}}
	if err := db.View(t.load); err != nil {
		db.Close()
		return nil, err
	}
	return t, nil
}

func (t *table) load(tx *bolt.Tx) error {
	meta, deltas := tx.Bucket(metaBucket), tx.Bucket(deltasBucket)
	if meta == nil || deltas == nil || tx.Bucket(blobsBucket) == nil || tx.Bucket(packsBucket) == nil ||
		string(meta.Get(completeKey)) != tableVersion || len(meta.Get(countKey)) != 8 {
		return errTable
	}
	t.count = binary.BigEndian.Uint64(meta.Get(countKey))
	return deltas.ForEach(func(k, v []byte) error {
		if len(k) != len(ID{}) || len(v)%4 != 0 {
			return errTable
		}
		numbers := make([]uint32, len(v)/4)
		for i := range numbers {
			numbers[i] = binary.BigEndian.Uint32(v[4*i:])
		}
		t.deltas[ID(k)] = numbers
		return nil
	})
}

// survive turns a panic, which bbolt may answer a damaged file with, and a fault
// in the mapped memory of a truncated one into errTable.
func survive(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errTable, r)
	}
}

// view runs f in a read transaction.
func (t *table) view(f func(tx *bolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer survive(&err)
	t.mu.Lock()
	var tx *bolt.Tx
	if n := len(t.idle); n > 0 {
		tx, t.idle = t.idle[n-1], t.idle[:n-1]
	} else if tx, err = t.db.Begin(false); err == nil {
		t.txs = append(t.txs, tx)
	}
	t.mu.Unlock()
	if err != nil {
		return err
	}
	err = f(tx)
	t.mu.Lock()
	t.idle = append(t.idle, tx)
	t.mu.Unlock()
	return err
}

// lookup appends the places of a blob in packs that are alive.
func (t *table) lookup(id chunk.ID, places []Place) ([]Place, error) {
	err := t.view(func(tx *bolt.Tx) error {
		v := tx.Bucket(blobsBucket).Get(id[:])
		for len(v) > 0 {
			number, place, rest, ok := parsePlace(v)
			if !ok {
				return errTable
			}
			v = rest
			p, err := t.pack(tx, number)
			if err != nil {
				return err
			}
			if p != nil {
				place.Pack = p
				places = append(places, place)
			}
		}
		return nil
	})
	return places, err
}

// has reports whether lookup would find a place.
func (t *table) has(id chunk.ID) (found bool, err error) {
	err = t.view(func(tx *bolt.Tx) error {
		v := tx.Bucket(blobsBucket).Get(id[:])
		if t.dead == nil {
			found = len(v) > 0
			return nil
		}
		for len(v) > 0 && !found {
			number, _, rest, ok := parsePlace(v)
			if !ok {
				return errTable
			}
			found, v = !t.dead[number], rest
		}
		return nil
	})
	return found, err
}

// maxPacks bounds the descriptions kept in memory.
const maxPacks = 1 << 12

// pack returns the description of a pack, or nil if it is dead.
func (t *table) pack(tx *bolt.Tx, number uint32) (*pack.Info, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead[number] {
		return nil, nil
	}
	if p, ok := t.packs[number]; ok {
		return p, nil
	}
	var key [4]byte
	binary.BigEndian.PutUint32(key[:], number)
	p, rest, ok := parseDescription(tx.Bucket(packsBucket).Get(key[:]))
	if !ok {
		return nil, errTable
	}
	if _, err := p.ParseFooter(rest); err != nil {
		return nil, errTable
	}
	if len(t.packs) >= maxPacks {
		clear(t.packs)
	}
	t.packs[number] = p
	return p, nil
}

func (t *table) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tx := range t.txs {
		tx.Rollback()
	}
	t.txs, t.idle = nil, nil
	return t.db.Close()
}

func appendPlace(b []byte, number uint32, p Place) []byte {
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.AppendUvarint(b, uint64(p.Segment))
	b = binary.AppendUvarint(b, uint64(p.Offset))
	return binary.AppendUvarint(b, uint64(p.Length))
}

func parsePlace(b []byte) (number uint32, p Place, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, p, nil, false
	}
	number, b = binary.BigEndian.Uint32(b), b[4:]
	for _, field := range []*uint32{&p.Segment, &p.Offset, &p.Length} {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > pack.MaxSegment {
			return 0, p, nil, false
		}
		*field, b = uint32(v), b[n:]
	}
	return number, p, b, true
}

// bury marks the packs that only deltas that aren't there now list. One that a
// delta elsewhere lists has its entries there.
func (t *table) bury(now map[ID]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone, t.dead = map[ID]bool{}, nil
	for id := range t.deltas {
		if !now[id] {
			t.gone[id] = true
		}
	}
	if len(t.gone) == 0 {
		return
	}
	alive := map[uint32]bool{}
	for id, numbers := range t.deltas {
		for _, n := range numbers {
			alive[n] = alive[n] || !t.gone[id]
		}
	}
	t.dead = map[uint32]bool{}
	for n, lives := range alive {
		if !lives {
			t.dead[n] = true
		}
	}
}
