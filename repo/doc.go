// Package repo keeps snapshots of directory trees in a repository: deduplicated,
// compressed and encrypted, on any target.
//
//	t, err := local.Create("/backup/app")
//	r, err := repo.Init(ctx, t, repo.Passphrase(secret), repo.InitOptions{})
//	m, err := r.Snapshot(ctx, repo.Paths("/srv/app"), repo.SnapshotOptions{})
//	_, err = r.Restore(ctx, m, repo.RestoreOptions{To: "/srv/app.new"})
//
// A Repo is safe for concurrent use, and a repository by any number of processes
// and hosts: none of them waits for another. Every call ends soon after its context
// is cancelled, and leaves a repository that is whole. Progress of long calls is
// told by one function in their options.
//
// # What lies on a target
//
//	config              the repository's id and settings, sealed
//	config-copy         the same bytes
//	keys/<id>           a key slot: the keys, wrapped under a passphrase or key file
//	packs/<xx>/<id>     chunks of files, or trees (package pack)
//	index/<id>          what some packs hold (package index)
//	snapshots/<id>      a manifest (package snapshot)
//
// Every object is created once and never changed. All ids are the BLAKE3-256 hash
// of the object's bytes, in hexadecimal digits, so that anyone can check an object
// without a key; xx are the first two digits of the pack's. Slots are readable JSON;
// all else is sealed (package internal/seal describes how, and the keys).
//
// The config is CBOR in core deterministic encoding, sealed in one piece under a
// repository id of zeros:
//
//	 1  repository id    byte string, 32 random bytes
//	 2  created          seconds since 1970
//	 3  AEAD of new objects
//	 4  chunking polynomial
//	 5  least bytes of a chunk
//	 6  most bytes of a chunk
//	 7  bits of a fingerprint that are zero at a cut
//	 8  bytes up to which a file is one chunk
//	 9  bytes at which a pack is full
//	10  bytes at which a segment is full
//
// A chunk's id is its keyed BLAKE3-256 hash, with the sub-key for "data ids"; a
// page's of a tree that for "tree ids".
//
// # Crashes
//
// A snapshot stores its packs, then the index deltas that list them, then its
// manifest: that is the commit point. What no manifest reaches is garbage, never
// damage. So a process may die, or the power fail, at any moment: what was published
// stays whole, and the next run needs no help. It finds and uses what the interrupted
// one has stored and listed.
//
// The local index is only a cache of the deltas, and these of the packs: losing
// either costs time. An object that can't be read, or isn't what its name says, is a
// *DamageError, a *LostError or a *pack.DamageError, and nothing that depends on it
// is ever returned wrong.
package repo
