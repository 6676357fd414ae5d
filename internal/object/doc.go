// Package object stores a repository's objects on a target. It knows their names. No other
// package puts or deletes objects.
//
// What must stay true: an object is created once, never changed, and may be deleted. A Store
// is safe for concurrent use, by any number of processes.
//
// # Layout
//
// A target holds these objects:
//
//	config              the repository's id and settings, sealed (package internal/config)
//	config-copy         the same bytes
//	keys/<id>           a key slot: the keys, wrapped under a passphrase or key file
//	packs/<xx>/<id>     chunks of files, or trees (package pack)
//	index/<id>          a delta: what some packs hold (package index)
//	snapshots/<id>      a manifest (package snapshot), or a tombstone in its place
//	pending/<id>        a manifest about to be published: the same bytes
//	forgotten/<id>      a manifest that was forgotten: the same bytes
//	marks/<id>-<n>      tags and a pin, set after the snapshot (package internal/catalog)
//	leases/<k>-<run>-<n>     a run under way (package internal/runs)
//	quarantine/<pack>-<run>  a pack that a run is about to delete (the same)
//	losses/<id>         chunks and trees that are lost (package internal/catalog)
//	reserve             random bytes, sealed: deleted when a full target has no room for
//	                    the objects that a prune stores before it deletes
//	epochs/<n>          the epoch of a key after the first (package internal/keys)
//	twin                16 random bytes, in a twin only
//	names/<id>          nothing, in a twin only: the name of a pack or manifest that was
//	                    used there (package internal/write)
//	replica             16 random bytes, in a replica only
//	replicating/<id>    a replication under way, in a replica only: the process, as leases
//	                    name it, or nothing
//
// An id is the BLAKE3-256 hash of the object's bytes, in hexadecimal digits, so that an
// object can be verified without a key. xx are the first two digits of a pack's id. There are
// these exceptions. The id of a pending or forgotten manifest and of a mark is that of the
// snapshot. A tombstone is empty, so its name isn't its hash. The id of a replication is 16
// random bytes, and so is a run. A number n has 8 decimal digits at least.
//
// Key slots are readable JSON. All other objects are sealed (see package internal/seal).
// Small objects are CBOR in core deterministic encoding (RFC 8949, 4.2.1) with integer keys;
// the packages that own them list the keys.
//
// # The cache
//
// If the target is no local file system, a cache on this machine keeps the manifests, index
// deltas and segments of trees that were read or stored, sealed as they are on the target.
// The cache answers what an object holds, never whether the object exists: names are listed
// again whenever that matters, and check, repair and prune read from the target alone. A
// damaged copy is dropped and fetched again. The copies may be removed at any time.
package object
