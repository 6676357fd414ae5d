// Package object stores a repository's objects on a target. It knows their names, and
// it alone puts and deletes them.
//
// What must stay true: an object never changes, except that it is deleted. A Store is
// safe for concurrent use, by any number of processes.
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
//	reserve             random bytes, sealed, to be deleted when deleting needs space that
//	                    a full target doesn't have
//	epochs/<n>          the epoch of a key after the first (package internal/keys)
//	twin                16 random bytes, in a twin only
//	names/<id>          nothing, in a twin only: the name of a pack or manifest that was
//	                    used there (package internal/write)
//	replica             16 random bytes, in a replica only
//	replicating/<id>    a replication under way, in a replica only: the process, as leases
//	                    name it, or nothing
//
// An object is created once and never changed. An id is the BLAKE3-256 hash of the object's
// bytes, in hexadecimal digits, so that an object can be checked without a key; xx are the
// first two digits of a pack's id. There are these exceptions. The id of a pending or
// forgotten manifest and of a mark is that of the snapshot. A tombstone is empty, so its
// name isn't its hash. The id of a replication is 16 random bytes, and so is a run. A number
// n has 8 decimal digits at least.
//
// Key slots are readable JSON. All else is sealed (package internal/seal describes how).
// Small objects are CBOR in core deterministic encoding (RFC 8949, 4.2.1) with integer keys;
// the packages that own them list the keys.
//
// # The cache
//
// Where the target is no local file system, manifests, index deltas and segments of trees
// that were read or stored are kept on this machine, too, sealed as they are on the target.
// The cache answers what an object holds, never whether it is there: names are listed again
// whenever that matters, and what checks, repairs or deletes reads from the target alone. A
// damaged copy is dropped and fetched again. The copies may be removed at any time.
package object
