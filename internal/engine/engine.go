// Package engine holds what the rooms of an open repository share.
//
// An Engine is a plain struct without methods, so that it can't become the object that does
// everything. The operations are functions of the rooms, and take an Engine. Its parts are
// safe for concurrent use, and its fields don't change.
package engine

import (
	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/blob"
	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
)

// An Engine is an open repository.
type Engine struct {
	Host
	Config *config.Config
	Ring   *seal.Keyring
	Sealer *seal.Sealer
	Data   *chunk.Hasher // names chunks
	Tree   *chunk.Hasher // names pages of trees
	Dir    string        // the local directory, or empty

	Store   *object.Store
	Keys    *keys.Keys
	Runs    *runs.Runs
	Blobs   *blob.Reader
	Catalog *catalog.Catalog

	Index *index.Index  // the index of an Engine made by Fresh or FreshOn; else nil
	Dry   *object.Meter // counts the requests of an Engine made by Dry; else nil
}

// assemble makes an Engine of a store and the keys of the repository on it.
func assemble(store *object.Store, k *keys.Keys, dir string, h Host, c *config.Config, ring *seal.Keyring) (*Engine, error) {
	sealer := seal.NewSealer(ring, [seal.KeySize]byte(c.Repository), c.AEAD, h.Rand)
	e := &Engine{
		Host: h, Config: c, Ring: ring, Sealer: sealer, Dir: dir,
		Data: chunk.NewHasher(ring.SubKey("data ids")), Tree: chunk.NewHasher(ring.SubKey("tree ids")),
		Store: store, Keys: k,
		Runs:    runs.New(store, sealer, runs.Options{Dir: dir, Now: h.Now, Hostname: h.Hostname, User: h.User, Warn: h.Warn}),
		Catalog: catalog.New(store, k, sealer, h.Now),
	}
	var err error
	e.Blobs, err = blob.New(store, k, sealer, blob.Options{Dir: dir, CacheMemory: h.CacheMemory, Data: e.Data, Tree: e.Tree, Warn: h.Warn, Pace: h.Pace})
	return e, err
}

// Fresh returns the repository as an Engine with an empty index, without the object cache, and
// with only the given replicas. Operations that delete use it, because the local index and the
// cache may be damaged. The caller closes it.
func Fresh(e *Engine, replicas ...object.Replica) (*Engine, error) {
	return FreshOn(e, e.Store.Fresh(replicas...))
}

// FreshOn returns the repository on another store, as an Engine with an empty index. The caller
// closes it.
func FreshOn(e *Engine, store *object.Store) (*Engine, error) {
	fresh, err := assemble(store, e.Keys.On(store), e.Dir, e.Host, e.Config, e.Ring)
	if err == nil {
		fresh.Index, err = fresh.Blobs.UseEmptyIndex()
	}
	return fresh, err
}

// Dry returns the repository as an Engine that stores and deletes nothing, and counts the
// requests. The caller closes it.
func Dry(e *Engine) (*Engine, error) {
	store, meter := e.Store.Dry()
	dry, err := assemble(store, e.Keys.On(store), e.Dir, e.Host, e.Config, e.Ring)
	if err == nil {
		dry.Dry = meter
	}
	return dry, err
}

// Close closes the cache and the index. The Engine must not be used during or after Close.
func Close(e *Engine) error {
	e.Store.Close()
	return e.Blobs.Close()
}
