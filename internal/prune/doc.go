// Package prune deletes what no snapshot needs: packs without live blobs, and what runs that
// have ended left behind. The live blobs of packs that are mostly dead are repacked first.
//
// # Deleting
//
// A pruner deletes packs while others take snapshots, without a lock and without trusting
// any clock. That is safe because of the order in which a writer stores its manifest and
// reads the quarantine (package internal/write), and the pruner reads and writes. A pruner:
//
//  1. repacks the live blobs of the packs that it will delete, except packs of runs that are
//     alive, which it doesn't touch; then it puts those packs in quarantine;
//  2. waits for the runs that were alive before, which is a courtesy;
//  3. reads the pending manifests, then the published ones, and all their trees;
//  4. lists the quarantine of all pruners, then the packs: a pack may be deleted only if each
//     live blob in it is also in another pack that is there and in no quarantine; else the
//     pruner takes it out of its quarantine;
//  5. replaces the index deltas that list the pack, deletes it, and only then takes it out
//     of quarantine.
//
// A pending manifest whose run is dead is abandoned by a tombstone under its final name:
// create-only Put decides, once, between the tombstone and the publication. A pack that is in
// the quarantine of another pruner is never relied on: its live blobs are repacked.
//
// Leases show that runs are alive. A lease is replaced every two minutes. A run is dead if
// its lease has been the same for ten, by this machine's clock, or if its process on this
// machine has ended. Declaring a live writer dead costs it uploads, never a snapshot.
//
// All of that relies on Put that only creates. Where a target says that its Put may replace
// objects, a pending manifest is abandoned only if a person names it (Options.DropPending),
// and what the other pending manifests reach is kept.
//
// # Damaged packs
//
// A prune leaves alone what it can't read. Remove deletes packs that are damaged, whatever is
// lost by that, for a person who asked for it. Discard deletes damaged packs only if nothing is
// lost: other packs must hold all live blobs of them.
//
// # Locks
//
// A target may keep packs locked for some time (target.Locker). A dead pack that is locked
// stays where it is, outside any quarantine: there it would only make writers store again
// what it holds. A locked pack that is mostly dead is repacked, though its bytes stay for
// now: else every snapshot that relies on it would extend its lock. After repacking, no
// delta lists it and nobody relies on it, so its lock ends, and a later prune deletes it.
// The same happens if the target refuses to delete a pack that was locked in between.
package prune
