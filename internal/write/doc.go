// Package write stores what is new and makes manifests snapshots.
//
// A Session is one run that stores: it holds a lease, builds packs of the chunks and trees
// that the repository lacks, stores them, and lists them in index deltas. Publish then
// makes a manifest a snapshot. The order on the target is what safety rests on: a pack is
// stored before a delta lists it, and both before a manifest that reaches them.
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
