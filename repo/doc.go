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
// Prune deletes packs while others take snapshots, without a lock and without trusting any
// clock: package internal/prune has the protocol. It relies on Put that only creates. Where
// a target says that its Put may replace objects, Options.Warn hears that before anything is
// stored, and a pending manifest of a dead run is abandoned only if a person names it
// (PruneOptions.DropPending): what the others reach is kept.
//
// A target.Locker can keep objects from being deleted for some time by anyone, as a bucket
// with object lock does. Forget refuses what is locked, Retain keeps it and says so. Prune
// leaves a dead pack that is locked alone, and reports until when.
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
package repo
