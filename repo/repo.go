package repo

import (
	"context"
	"io"
	"time"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/target"
)

// A Repo is an open repository. It is safe for concurrent use, and so is the
// repository by any number of processes.
type Repo struct {
	e *engine.Engine
}

// Options of an open repository. The zero value is useful.
type Options struct {
	// CacheDir is where the local index and copies of small objects lie, in a directory
	// of its own for each repository. Empty is "qsnap" in the user's cache directory
	// (os.UserCacheDir). If the user has none, the index lies in a temporary directory until
	// Close. What lies here may be lost or damaged at any time.
	CacheDir string
	// CacheMemory is about how many bytes are kept in memory of what was read last,
	// decompressed: 16 MiB if zero. A program that reads at many places at once may want more.
	CacheMemory int
	// CacheSize is about how many bytes of manifests, index deltas and trees are kept in
	// CacheDir, sealed as they are on the target, so that they aren't fetched again. Nil is
	// 512 MiB, and zero none. Where the target is a local file system none are in any case.
	CacheSize *int64
	// Hostname is what this machine is called in what is stored. Empty is what the
	// system calls it.
	Hostname string
	// Warn is called with each oddity that fails no call, by one goroutine at a time: once,
	// before anything is stored, with ErrNotCreateOnly if the target weakens a guarantee; once a
	// replica that something has to be read from; once if the local cache or index can't be
	// used; and each time a run can't renew its lease. Nil ignores them. LogTo sends them
	// to a log.
	Warn func(error)
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
	// Rand is where salts come from. Nil is crypto/rand. No two repositories, and
	// no two openings of one, may draw the same.
	Rand io.Reader
	// SpareCache leaves the system's page cache as it was, as far as the system allows: what
	// is read from the source or a local target and wasn't there before is dropped from it,
	// and so is what is stored on a local target.
	SpareCache bool
	// Pace, if not nil, slows down what is done with the repository.
	Pace Pacer
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
	// Like is a repository to cut files like, instead of Chunks: snapshots copied from it
	// share all chunks with those taken here. Nil means none.
	Like *Repo
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
func Init(ctx context.Context, t target.Target, u Unlocker, o InitOptions) (*Repo, error) {
	choice := config.Choice{Chunks: o.Chunks, PackSize: o.PackSize}
	if o.Like != nil {
		choice.Chunks = o.Like.e.Config.Params()
	}
	e, err := engine.Create(ctx, t, unlocking(u), choice, o.Label, o.host())
	if e == nil {
		return nil, err
	}
	return &Repo{e}, err
}

// Open opens the repository on a target. A replica can only be read: what would
// change it is ErrReplica. The errors are ErrNoRepository,
// ErrWrongSecret and, for what is damaged, *DamageError, beside the target's own.
func Open(ctx context.Context, t target.Target, u Unlocker, o Options) (*Repo, error) {
	e, err := engine.Open(ctx, t, unlocking(u), o.host())
	if err != nil {
		return nil, err
	}
	return &Repo{e}, nil
}

// unlocking returns what asks for the secret.
func unlocking(u Unlocker) func(context.Context) (keys.Secret, error) {
	return func(ctx context.Context) (keys.Secret, error) {
		s, err := u.Unlock(ctx)
		return s.secret, err
	}
}

// host returns the options with what is chosen where they leave it open.
func (o *Options) host() engine.Host {
	h := engine.Host{
		Now: o.Now, Rand: o.Rand, Hostname: o.Hostname, Warn: o.Warn,
		CacheDir: o.CacheDir, CacheSize: o.CacheSize, CacheMemory: o.CacheMemory, Pace: o.Pace, SpareCache: o.SpareCache,
	}
	for _, replica := range o.Replicas {
		h.Replicas = append(h.Replicas, object.Replica(replica))
	}
	return h
}

// ID returns the repository's id as hexadecimal digits. Twins have the same.
func (r *Repo) ID() string { return r.e.Config.ID() }

// Close releases what the repository holds locally. No other method may be called
// during or after it.
func (r *Repo) Close() error { return engine.Close(r.e) }

// Probe returns ErrNoRepository unless a target holds a repository, or a *DamageError
// for one that has lost its config; it needs no secret.
func Probe(ctx context.Context, t target.Target) error {
	return config.Probe(ctx, object.On(t, object.Options{}))
}
