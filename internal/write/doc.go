// Package write stores the chunks and trees that a repository lacks, and publishes manifests.
//
// A Session is one run that stores. It holds a lease, builds packs of the chunks and trees
// that the repository lacks, stores the packs, and lists them in index deltas. Publish then
// makes a manifest a snapshot. Safety relies on the order on the target: a pack is stored
// before the delta that lists it, and both are stored before a manifest that reaches them. The
// manifest is the commit point. A blob that no manifest reaches is garbage, never damage. So a
// process may die, or the power fail, at any moment. The next run of the same source finds the
// packs that were stored and listed, and uses them.
//
// A session may verify what it reuses (VerifyReused). Then a blob counts as stored only if its
// segment was read back from the target and is good. A pack with a damaged segment counts as
// absent, so the blobs of it that are put are stored in new packs. Until the damaged pack is
// deleted, the index has both places of such a blob, and readers try one after the other.
// Before a prune deletes a pack, it reads the other copies of its live blobs. So it never
// deletes the only good copy.
//
// # Publishing beside runs that delete
//
// After its packs and deltas are stored, a run
//
//  1. stores its manifest as pending. A pruner keeps the blobs that a pending manifest
//     reaches;
//  2. lists the quarantine, and then the packs that it relies on. It stores again the blobs
//     of packs that are in quarantine or gone;
//  3. stores the manifest under its final name, create-only. If a tombstone is there, this
//     fails, and the run begins again under another name;
//  4. removes the pending manifest.
//
// If the quarantine is empty in step 2 and the parent snapshot still exists afterwards, all
// blobs that the parent reaches are there. The run then checks only the packs that it relies
// on beyond those of the parent. Package internal/prune describes the pruner's side.
//
// # Locks
//
// A target.Locker locks objects for some time, so that nobody can delete them, as a bucket
// with object lock does. On such a target, no pack may lose its lock before the retention of
// each snapshot that relies on the pack has ended, however old the pack is. So between the
// steps 2 and 3 the run locks the packs that it relies on until target.Locker.RetainUntil. The
// file locks.json in the cache directory records known locks; it is only a cache. The config,
// key slots, epochs and manifests are locked, too. Leases, pending manifests, quarantine
// objects, marks and index deltas are never locked.
//
// # Names in a twin
//
// A twin is a repository with the id and the keys of another, on a target of its own:
// chunks, trees, packs and manifests have the same names in both. An object
//
//	twin                    some random bytes
//
// shows that it was made as a twin. A pack or manifest may be copied to a twin from another
// one, under a name that was used in this twin before and was deleted. A run that was about to
// delete the earlier object, and counts as dead since, could delete the copy now, and nothing
// can stop it. So each name is used only once in the life of a twin. Before a run uses a name,
// for a new object or for a copied one, it creates the empty object
//
//	names/<id, 64 digits>
//
// which stays for ever. If the name was used before, the run packs or seals the content again,
// which gives it another name. A repository that was not made as a twin has no record of used
// names, so no object is copied to it as it is.
package write
