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
// # Deleting
//
// Prune deletes packs while others take snapshots, without a lock and without
// trusting any clock. What makes that safe is the order in which each looks and
// writes. A writer, after its packs and deltas are stored:
//
//  1. stores its manifest as pending, which counts for those who delete;
//  2. lists the quarantine, and then the packs it relies on: what is in quarantine or
//     gone it stores again;
//  3. stores the manifest under its final name: create-only, so that it fails if a
//     tombstone is there, and begins again under another name;
//  4. removes the pending one.
//
// If the quarantine is empty in step 2 and the parent snapshot still stands
// afterwards, all that the parent reaches is there, so that only packs it relies on
// beyond that are looked at. Who deletes:
//
//  1. names packs in quarantine that seem to be dead, after moving what is needed of
//     them to new packs, and leaves alone those of runs that are alive;
//  2. waits for the runs that were alive before;
//  3. reads the pending manifests, then the published ones, and all their trees;
//  4. lists the quarantine of all, then the packs: a pack may go only if each living
//     blob in it is in another that is there and in nobody's quarantine; else it
//     leaves the quarantine again;
//  5. replaces the index deltas that list the pack, deletes it, and only then takes it
//     out of quarantine.
//
// A pending manifest without a living run is given up by a tombstone under its final
// name: create-only Put decides, once, between that and its publication. A pack that
// somebody else has in quarantine is never relied on again: what is needed of it is
// moved.
//
// Runs show by leases that they are alive, replacing them every two minutes; one that
// has been the same for ten, as seen on this machine's clock, or whose process on
// this machine has ended, counts as dead. To judge wrongly costs the writer uploads,
// never a snapshot.
//
// All of that relies on Put that only creates. Where a target says that its own may
// replace objects, Options.Notice is told so before anything is stored, and no pending
// manifest is given up but those that a person names (PruneOptions.DropPending): what
// stale ones reach is kept.
//
// # Locks
//
// A target.Locker can keep objects from being deleted for some time by anyone, as a
// bucket with object lock does. Then no pack can be deleted before the retention of any
// snapshot that relies on it has ended, however old the pack is: between the steps 2
// and 3 a writer has the target lock what it relies on, up to the time that
// target.Locker.RetainUntil says. What it knows to be locked so far it doesn't ask for again;
// that is in locks.json in the cache directory, and is only a cache. The config, key
// slots, epochs and manifests are locked too; leases, pending manifests, quarantine,
// marks and index deltas never are.
//
// Forget refuses what is locked, Retain keeps it and says so. Prune asks for locks
// before it puts a pack in quarantine. A dead pack that is locked it leaves alone, and
// reports until when. Of one that is mostly dead it moves what is needed, replaces the
// deltas that list it, and takes it out of quarantine again: as nobody relies on it any
// more, nobody makes its lock longer, and a later prune deletes it. The same happens
// where the target refuses to delete a pack that was locked since. Such a pack is listed
// in no delta.
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
// *DamageError, a *LostError or a *pack.DamageError, all of which match ErrDamaged, and
// nothing that depends on it is ever returned wrong.
//
// # Twins
//
// A twin is a repository with the id and the keys of another, on another target.
// Copy moves packs and manifests to it as they are, byte for byte, so that both can
// be checked, and mended, by what the other has.
//
// What makes deleting safe beside others relies on names that are used once: who is
// about to delete something may be taken for dead, and delete it much later, when
// nobody knows of it any more. Names that come from elsewhere could be used again. So
// in a twin each pack and each manifest, wherever it comes from, first claims its
// name, by an object below names that is created only once and stays. What finds its
// name claimed is packed or sealed anew; such a manifest names what it stands for as
// its Original. Where a repository wasn't made as a twin nothing is taken over as it
// is, be its id the same or not.
//
// A repository is a twin because the object "twin" is there, and a replica because
// "replica" is, whatever is in them and whether it can be read.
//
// A lease of a copy names the runs that the packs and manifests it moves belong to.
// Those who delete leave alone what is of these, as if they were alive.
//
// # Replicas
//
// A replica is the same repository on a further target: the config, the keys and their
// epochs, packs, index deltas, manifests, and what is said of these, under the same
// names and with the same bytes, so that who has no key can compare the two. It has
// no leases, pending manifests, quarantine or names of its own, for nothing is decided
// there: snapshots are taken, and deleting is settled, on the repository's target
// alone, and a replica is told of it when it is over. An object "replica" says what it
// is; whoever opens it as a repository can only read it.
//
// By itself it is a repository at any moment. What it is given comes in this order:
// key slots, epochs, config, packs, deltas, records and marks, manifests; a manifest
// only after the packs of all deltas that were there with it, and if it still stands.
// What it loses goes the other way round, and not because it is gone here, which may
// be a loss: a manifest goes if a record says that it was forgotten, or if it was
// brought back under another id; a pack if the manifests on the replica reach nothing
// that is in it alone, as they are read there.
//
// What can't be read here is read from a replica. Only bytes are: whether something is
// there is for this target alone to tell, and those who delete or check have no
// replicas. What is damaged on a replica is replaced under its name. Here a pack is
// not: a pruner that had it in quarantine and was taken for dead may still be about to
// delete it, while the quarantine was lifted because the pack was seen to be gone; put
// back, it would be relied on. So what is healed here is stored as a run stores
// anything, in new packs, and the old ones are deleted as all are. Manifests come back
// under other ids, as by Undelete. Slots, epochs, records and the config, which no run
// deletes beside others, are put back; of these, what is missing counts as removed but
// for the config and epochs.
//
// To promote a replica is to remove the object "replica". So that no replication that
// is still under way writes to what is then a repository of its own, each first stores
// an object below replicating, and then looks whether "replica" is there; who promotes
// removes that first, and then looks for the others.
package repo
