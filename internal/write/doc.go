// Package write stores what is new and makes manifests snapshots.
//
// A Session is one run that stores: it holds a lease, builds packs of the chunks and trees
// that the repository lacks, stores them, and lists them in index deltas. Publish then
// makes a manifest a snapshot. The order on the target is what safety rests on: a pack is
// stored before a delta lists it, and both before a manifest that reaches them. The manifest
// is the commit point: what no manifest reaches is garbage, never damage. So a process may
// die, or the power fail, at any moment. The next run of the same source finds what was
// stored and listed, and uses it.
//
// # Publishing beside runs that delete
//
// After its packs and deltas are stored, a run
//
//  1. stores its manifest as pending: a pruner keeps what that reaches;
//  2. lists the quarantine, and then the packs it relies on: what is in quarantine or gone
//     it stores again;
//  3. stores the manifest under its final name: create-only, so that it fails if a tombstone
//     is there, and begins again under another name;
//  4. removes the pending one.
//
// If the quarantine is empty in step 2 and the parent snapshot still stands afterwards, all
// that the parent reaches is there, so that only packs it relies on beyond that are looked
// at. Package internal/prune has the other side.
//
// # Locks
//
// A target.Locker keeps objects from being deleted for some time by anyone, as a bucket with
// object lock does. There, no pack may lose its lock before the retention of any snapshot
// that relies on it has ended, however old the pack is. So between the steps 2 and 3 the
// target locks what the run relies on, up to target.Locker.RetainUntil. The file locks.json
// in the cache directory says what is known to be locked; it is only a cache. The config,
// key slots, epochs and manifests are locked too; leases, pending manifests, quarantine,
// marks and index deltas never are.
//
// # Names in a twin
//
// A twin is a repository with the id and the keys of another, on a target of its own:
// chunks, trees, packs and manifests have the same names in both. An object
//
//	twin                    some random bytes
//
// says that it was made as one. A pack or manifest of a twin may come from elsewhere, under
// a name that was used there before and was deleted. A run that was about to delete it then,
// and has counted as dead since, could delete it now, and nothing can stop it. So a name is
// used once in the life of a twin: a run that uses it, for something new or for something
// from elsewhere, first creates the empty object
//
//	names/<id, 64 digits>
//
// which stays for good. What can't have its name is packed or sealed again, under another.
// In a repository that was not a twin from its beginning nothing says which names have been
// used, so nothing is taken over there as it is.
package write
