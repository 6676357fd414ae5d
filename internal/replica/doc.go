// Package replica keeps copies of a repository on further targets, compares them with it,
// and repairs each from the other.
//
// A replica is the same repository on a further target: the config, the keys and their
// epochs, packs, index deltas, manifests, and the marks and records of these, under the same
// names and with the same bytes. So the two can be compared without a key. A replica has no
// leases, pending manifests, quarantine or claims of names, because nothing is decided there:
// runs store and delete on the repository's target alone, and a replication repeats the
// result. The object
//
//	replica             16 random bytes
//
// makes a target a replica by being there, whether its bytes can be read or not. Opened as a
// repository, a replica can only be read.
//
// In this package, what is "here" is in the repository, and what is "there" is on the replica.
//
// # What must stay true
//
// At any moment a replica is a repository by itself, whose snapshots are as whole as here.
// Objects are copied in this order: key slots, epochs, config, packs, deltas, losses, records
// of what was forgotten, marks, manifests. A manifest is copied only after the packs of all
// deltas that were here with it, and if it is still here then.
//
// Objects are deleted in the opposite order. That an object is gone from the repository
// doesn't prove that it may go from the replica: it may have been lost. A manifest is deleted
// if a record says that it was forgotten, or if it was brought back under another id; a pack
// if the manifests on the replica, as read there, reach nothing that only this pack holds.
//
// Reads of the repository that fail are repeated on a replica. A replica supplies bytes only:
// whether an object is there is for the repository's own target to say, and what checks or
// deletes uses no replicas.
//
// # Healing
//
// A damaged object on a replica is replaced under its name. In the repository a pack is not:
// a pruner that had it in quarantine and counts as dead may still delete it, after the
// quarantine was lifted because the pack was seen to be gone. If the pack were put back, runs
// would rely on it. So its blobs are stored in new packs, as a run stores them, and the old
// pack is deleted as every pack is. Manifests come back under other ids, as by Undelete. Key
// slots, epochs, records and the config are put back under their names, because no run
// deletes them beside others. If one of these is missing it counts as removed, except for the
// config and epochs.
//
// # Promoting
//
// To promote a replica is to delete its object "replica". No replication that is still under
// way may write to what is then a repository of its own. So each first stores a marker,
//
//	replicating/<id>    the process, as leases name it, or nothing; id is 16 random bytes
//
// and then checks that "replica" is there. A promotion deletes "replica" first, and then
// looks for markers.
package replica
