package repo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/index"
	"github.com/qsnap/qsnap/internal/cache"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/target"
)

var (
	// ErrNoRepository means that the target holds no repository.
	ErrNoRepository = errors.New("there is no repository here")
	// ErrWrongSecret means that no key slot opens with the secret.
	ErrWrongSecret = seal.ErrWrongSecret
)

// A Repo is an open repository. It is safe for concurrent use, and so is the
// repository by any number of processes.
type Repo struct {
	target target.Target
	opts   Options
	config *config
	ring   *seal.Keyring
	box    *seal.Sealer
	slot   string        // the key slot that was opened, or empty
	far    bool          // the target is
	spared *sparedTarget // the target, if nothing is to be stored there; else nil
	data   *chunk.Hasher
	tree   *chunk.Hasher

	replicas replicaSet

	decompressor *pack.Decompressor
	segments     segmentCache
	manifests    manifestCache
	objects      *cache.Dir // nil for none
	ahead        aheadSet
	walk         treeWalk

	indexGate gate         // guards what follows, and is held while the index is brought up to date
	index     *index.Index // nil until it is needed
	adopted   bool         // it knows packs that no delta lists
	rebuilt   atomic.Bool  // it was made anew
	scratch   string       // a directory to be removed with it

	exclusive *exclusive

	newer atomic.Bool // something was passed over that is sealed with a newer key
}

// Options of an open repository. The zero value is useful.
type Options struct {
	// CacheDir is where the local index and copies of small objects lie, in a directory
	// of its own for each repository. Empty is "qsnap" in the user's cache directory. It may be lost
	// or damaged at any time.
	CacheDir string
	// CacheMemory is about how many bytes are kept in memory of what was read last,
	// decompressed: 16 MiB if zero. Who reads at many places at once may want more.
	CacheMemory int
	// CacheSize is about how many bytes of manifests, index deltas and trees are kept in
	// CacheDir, sealed as they are on the target, so that they aren't fetched again:
	// 512 MiB if zero, and none if negative. Where the target is a local file system
	// none are in any case.
	CacheSize int64
	// Hostname is what this machine is called in what is stored. Empty is what the
	// system calls it.
	Hostname string
	// Notice is told, once, what makes a repository less safe than others before
	// anything is stored in it: ErrReplaces. Nil is nobody.
	Notice func(error)
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Rand is where salts come from. Nil is crypto/rand. No two repositories, and
	// no two openings of one, may draw the same.
	Rand io.Reader
	// Replicas are further targets with the same repository. What can't be read any
	// more is read from them.
	Replicas []Replica
}

// InitOptions say how a new repository is made. The zero value is useful. They
// can't be changed later.
type InitOptions struct {
	Options
	// Chunks says where files are cut. A zero Polynomial is a random one; a zero
	// Max means the default sizes.
	Chunks chunk.Params
	// PackSize is about how many bytes a pack has: 16 MiB if zero. Up to three
	// packs are held in memory while a snapshot is made, and where the target is no
	// local file system up to ten, as long as these have no more than 96 MiB.
	PackSize int64
	// Label describes the first key slot.
	Label string
}

// Init makes a repository on an empty target and opens it. A target that holds one
// already is fs.ErrExist; one that holds the rest of a repository without its config is
// a *DamageError, and anything else but empty directories and what IsSystemFile (package
// target) is ErrOccupied. Where an Init was interrupted, one with the same secret
// completes it.
func Init(ctx context.Context, t target.Target, secret Secret, o InitOptions) (*Repo, error) {
	o.fill()
	if _, err := t.Stat(ctx, configName); err == nil {
		return nil, fmt.Errorf("a repository is here already: %w", fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var id [seal.KeySize]byte
	if _, err := io.ReadFull(o.Rand, id[:]); err != nil {
		return nil, err
	}
	c, err := newConfig(o, id, o.Now())
	if err != nil {
		return nil, err
	}
	if err := isVacant(ctx, t, below(keysPrefix)); err != nil {
		return nil, err
	}
	ring, begun, err := begunRing(ctx, t, secret)
	if ring == nil && err == nil {
		ring, err = seal.NewKeyring(o.Rand)
	}
	if err != nil {
		return nil, err
	}
	body, err := c.marshal()
	if err != nil {
		return nil, err
	}
	sealed, err := seal.NewSealer(ring, [seal.KeySize]byte{}, c.AEAD, o.Rand).Seal(seal.Config, body)
	if err != nil {
		return nil, err
	}
	r, err := newRepo(t, o.Options, c, ring)
	if err != nil {
		return nil, err
	}
	r.openObjects()
	if _, err := r.createsOnly(ctx); err != nil {
		return nil, err
	}
	// The config comes last: without it nothing is a repository, so what a crash
	// leaves before is no harm. Create-only decides between two that race.
	if r.slot, err = r.putSlot(ctx, ring, secret, o.Label); err != nil {
		return nil, err
	}
	if err := r.put(ctx, configName, sealed); err != nil {
		return nil, also(err, t.Delete(context.WithoutCancel(ctx), keysPrefix+r.slot))
	}
	if begun != "" { // whoever put it may still be there, and take it away: this has its own
		if err := t.Delete(ctx, keysPrefix+begun); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	if err := r.put(ctx, configCopyName, sealed); err != nil {
		return r, err
	}
	return r, r.keepReserve(ctx)
}

// Open opens the repository on a target. A replica can only be read: what would
// change it is ErrReplica. The errors are ErrNoRepository,
// ErrWrongSecret and, for what is damaged, *DamageError, beside the target's own.
func Open(ctx context.Context, t target.Target, secret Secret, o Options) (*Repo, error) {
	o.fill()
	sealed, err := readConfigs(ctx, t, false)
	if err != nil {
		return nil, whyNoConfig(ctx, t, err)
	}
	ring, slot, err := unlock(ctx, t, secret)
	if err != nil {
		return nil, err
	}
	c, err := openOneConfig(ring, sealed[configName])
	if err != nil {
		if sealed, err = readConfigs(ctx, t, true); err == nil {
			c, err = openConfig(ring, sealed)
		}
	}
	if err != nil {
		return nil, err
	}
	if c.twin, err = readSibling(ctx, t, twinName); err != nil {
		return nil, err
	}
	if c.replica, err = readSibling(ctx, t, replicaName); err != nil {
		return nil, err
	}
	if c.replica != "" {
		t = readOnly{tell(t)}
	}
	r, err := newRepo(t, o, c, ring)
	if err == nil {
		r.slot = slot
		r.openObjects()
		r.replicas.all = o.Replicas
	}
	return r, err
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCacheSize
	}
	if o.CacheMemory <= 0 {
		o.CacheMemory = defaultCacheMemory
	}
}

func newRepo(t target.Target, o Options, c *config, ring *seal.Keyring) (*Repo, error) {
	decompressor, err := pack.NewDecompressor(0)
	if err != nil {
		return nil, err
	}
	r := &Repo{
		target: tell(t), opts: o, config: c, ring: ring,
		box:          seal.NewSealer(ring, [seal.KeySize]byte(c.Repository), c.AEAD, o.Rand),
		data:         chunk.NewHasher(ring.SubKey("data ids")),
		tree:         chunk.NewHasher(ring.SubKey("tree ids")),
		decompressor: decompressor,
		indexGate:    newGate(),
		far:          isFar(t),
		exclusive:    new(exclusive),
	}
	r.segments.limit = o.CacheMemory
	return r, nil
}

// readConfigs returns the config's two copies, as far as they are there; unless both
// are asked for, the second only if the first can't be right.
func readConfigs(ctx context.Context, t target.Target, both bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	var unread error
	for _, name := range []string{configName, configCopyName} {
		b, err := target.ReadAll(ctx, t, name, maxConfig)
		switch {
		case err == nil:
			out[name] = b
		case errors.Is(err, fs.ErrNotExist):
		case ctx.Err() != nil || target.Temporary(err) || errors.Is(err, target.ErrGivenUp):
			return nil, err // nor would the copy be read
		case unread == nil:
			unread = err
		}
		if _, err := seal.ParseHeader(b); err == nil && !both {
			return out, nil
		}
	}
	if len(out) == 0 && unread != nil {
		return nil, unread
	}
	if len(out) == 0 {
		return nil, ErrNoRepository
	}
	// Whether it can be opened doesn't depend on the secret alone.
	var first error
	for _, name := range []string{configName, configCopyName} {
		_, err := seal.ParseHeader(out[name])
		if err == nil || errors.Is(err, seal.ErrDamaged) {
			return out, nil
		}
		if first == nil && out[name] != nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
	}
	if errors.Is(first, seal.ErrNotSealed) {
		return nil, fmt.Errorf("%w: there is a file %q, but qsnap has not made it", ErrNoRepository, configName)
	}
	return nil, first
}

// openConfig opens the config, from its copy where it is damaged.
func openConfig(ring *seal.Keyring, sealed map[string][]byte) (*config, error) {
	var first error
	for _, name := range []string{configName, configCopyName} {
		c, err := openOneConfig(ring, sealed[name])
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = &DamageError{name, err}
		}
	}
	return nil, first
}

func openOneConfig(ring *seal.Keyring, sealed []byte) (*config, error) {
	// A config has the same header whatever the cipher of its repository.
	body, err := seal.NewSealer(ring, [seal.KeySize]byte{}, seal.AES256GCM, nil).Open(seal.Config, sealed)
	if err != nil {
		return nil, err
	}
	return parseConfig(body)
}

// Chunks returns where the repository cuts files, for InitOptions of one that is to
// cut them alike.
func (r *Repo) Chunks() chunk.Params { return r.config.params() }

// ID returns the repository's id as hexadecimal digits. Twins have the same.
func (r *Repo) ID() string { return hex.EncodeToString(r.config.Repository) }

// Close releases what the repository holds locally. No other method may be called
// during or after it.
func (r *Repo) Close() error {
	if err := r.indexGate.enter(context.Background()); err != nil {
		return err
	}
	defer r.indexGate.leave()
	r.objects.Close()
	if r.index == nil {
		return nil
	}
	x := r.index
	r.index = nil
	err := x.Close()
	if r.scratch != "" {
		err = errors.Join(err, os.RemoveAll(r.scratch))
	}
	return err
}

// cacheDir returns the directory of what is cached of this repository.
func (r *Repo) cacheDir() (string, error) {
	dir := r.opts.CacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no place for the local index: %w: name a cache directory", err)
		}
		dir = filepath.Join(user, "qsnap")
	}
	return filepath.Join(dir, r.ID()[:32]+r.config.twin+r.config.replica), nil
}

// Probe returns ErrNoRepository unless a target holds a repository, or a *DamageError
// for one that has lost its config; it needs no secret.
func Probe(ctx context.Context, t target.Target) error {
	_, err := readConfigs(ctx, t, false)
	return whyNoConfig(ctx, t, err)
}
