package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sort"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/pack"
)

// Buckets and keys of a table. Blobs are in groups. The value of a pack is its
// description, as in a delta, and a footer without blobs. The value of a delta is the
// numbers of its packs.
var (
	blobsBucket  = []byte("blobs")  // last blob id → bucket of a group
	packsBucket  = []byte("packs")  // pack number → description and segments
	deltasBucket = []byte("deltas") // delta id → pack numbers
	metaBucket   = []byte("meta")
	completeKey  = []byte("complete") // tableVersion; written last
	countKey     = []byte("blobs")    // number of entries, 8 bytes big-endian
)

const tableVersion = "4"

var errTable = errors.New("index table: damaged")

// A table is a bbolt file that never changes once it has its name, so any number of
// processes can have it open and none waits for another's lock. A table is safe for
// concurrent use.
type table struct {
	path   string
	db     *bolt.DB
	count  uint64
	deltas map[ID][]uint32 // pack numbers
	groups []group         // in order

	mu    sync.Mutex
	begun []*bolt.Tx      // all open transactions
	idle  []*bolt.Tx      // those of them that are not in use
	packs []packSlot      // cache of descriptions; a pack is at its number modulo the length
	kept  int             // packs in that cache
	gone  map[ID]bool     // deltas that are no longer on the target
	dead  map[uint32]bool // packs that only gone deltas list
}

// A packSlot may hold a pack's description, without blobs.
type packSlot struct {
	number uint32
	info   *pack.Info // nil if the slot is empty
}

const (
	maxPacks     = 1 << 14 // descriptions kept in memory
	maxPackSlots = 1 << 20
)

// openTable opens a table. A damaged table is errTable.
func openTable(path string) (t *table, err error) {
	var db *bolt.DB
	defer func() {
		if err != nil && db != nil {
			_ = db.Close()
		}
	}()
	defer recoverDamage(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err = bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: 5 * time.Second, NoStatistics: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", errTable, filepath.Base(path), err)
	}
	t = &table{path: path, db: db, deltas: map[ID][]uint32{}}
	return t, db.View(t.load)
}

func (t *table) load(tx *bolt.Tx) error {
	meta, deltas, blobs := tx.Bucket(metaBucket), tx.Bucket(deltasBucket), tx.Bucket(blobsBucket)
	if meta == nil || deltas == nil || blobs == nil || tx.Bucket(packsBucket) == nil ||
		string(meta.Get(completeKey)) != tableVersion || len(meta.Get(countKey)) != 8 {
		return errTable
	}
	t.count = binary.BigEndian.Uint64(meta.Get(countKey))
	var previous *group
	err := blobs.ForEachBucket(func(last []byte) error {
		g, err := parseGroup(last, blobs.Bucket(last).Get(groupKey), previous)
		previous, t.groups = &g, append(t.groups, g)
		return err
	})
	if err != nil {
		return err
	}
	count := 0
	err = deltas.ForEach(func(k, v []byte) error {
		if len(k) != len(ID{}) || len(v)%4 != 0 {
			return errTable
		}
		numbers := make([]uint32, len(v)/4)
		for i := range numbers {
			numbers[i] = binary.BigEndian.Uint32(v[4*i:])
		}
		t.deltas[ID(k)] = numbers
		count += len(numbers)
		return nil
	})
	t.packs = make([]packSlot, min(max(count, 1), maxPackSlots))
	return err
}

// recoverDamage turns a panic into errTable. bbolt may panic on a damaged file, and
// reading the mapped memory of a truncated file faults.
func recoverDamage(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", errTable, r)
	}
}

// view runs f in a read transaction.
func (t *table) view(f func(tx *bolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	tx, err := t.begin()
	if err != nil {
		return err
	}
	err = f(tx)
	t.mu.Lock()
	t.idle = append(t.idle, tx)
	t.mu.Unlock()
	return err
}

// begin returns a read transaction that is not in use.
func (t *table) begin() (*bolt.Tx, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		tx := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return tx, nil
	}
	tx, err := t.db.Begin(false)
	if err != nil {
		return nil, err
	}
	t.begun = append(t.begun, tx)
	return tx, nil
}

// find returns the group that holds a blob's entries, the position of the first, and
// their number.
func (t *table) find(id *chunk.ID) (g *group, at, n int) {
	i := t.groupOf(id)
	if i == len(t.groups) || !t.groups[i].filter.mayHave(id) {
		return nil, 0, 0
	}
	g = &t.groups[i]
	at, n = g.find(id)
	return g, at, n
}

// groupOf returns the number of the first group that ends at or after a blob. Ids are
// evenly distributed, so it is the guessed group or one next to it.
func (t *table) groupOf(id *chunk.ID) int {
	upTo := func(i int) bool { return bytes.Compare(t.groups[i].last[:], id[:]) >= 0 }
	if len(t.groups) > 1 {
		start, first := idStart(id), &t.groups[0]
		guess := int(float64(start) * first.density / float64(first.len()))
		for _, i := range [...]int{guess, guess + 1, guess - 1} {
			if i > 0 && i < len(t.groups) && upTo(i) && (start > t.groups[i].before || !upTo(i-1)) {
				return i
			}
		}
	}
	return sort.Search(len(t.groups), upTo)
}

// lookup appends the places of a blob in live packs.
func (t *table) lookup(id chunk.ID, places []Place) ([]Place, error) {
	err := t.view(func(tx *bolt.Tx) error {
		g, at, n := t.find(&id)
		for i := at; i < at+n; i++ {
			number, place, err := g.place(i)
			if err == nil {
				place.Pack, err = t.pack(tx, number)
			}
			if err != nil {
				return err
			}
			if place.Pack != nil {
				places = append(places, place)
			}
		}
		return nil
	})
	return places, err
}

// has reports whether lookup would find a place.
func (t *table) has(id chunk.ID) (found bool, err error) {
	err = t.view(func(*bolt.Tx) error {
		g, at, n := t.find(&id)
		for i := at; i < at+n && !found; i++ {
			number, _, err := g.place(i)
			if err != nil {
				return err
			}
			found = !t.dead[number]
		}
		return nil
	})
	return found, err
}

// pack returns the description of a pack, or nil if the pack is dead.
func (t *table) pack(tx *bolt.Tx, number uint32) (*pack.Info, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead[number] {
		return nil, nil
	}
	slot := &t.packs[number%uint32(len(t.packs))]
	if slot.info != nil && slot.number == number {
		return slot.info, nil
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
	if t.kept++; t.kept > maxPacks {
		clear(t.packs)
		t.kept = 1
	}
	*slot = packSlot{number, p}
	return p, nil
}

func (t *table) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tx := range t.begun {
		tx.Rollback()
	}
	t.begun, t.idle = nil, nil
	return t.db.Close()
}

// markDead marks the packs that are listed only by deltas that are not in now. If another
// table has a delta that lists such a pack, that table has its entries too.
func (t *table) markDead(now map[ID]bool) {
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
