// Package transfer copies snapshots from one repository, the origin, to another, the
// destination, and makes twins.
//
// For each snapshot, Copy stores in the destination what the snapshot reaches, and then
// publishes a manifest. A fetcher does the first: a mover where the two repositories have the
// same ids, a translator otherwise. What must stay true:
//
//   - A copy is an ordinary run of the destination: it stores packs, lists them, and
//     publishes as any session does. So both repositories may be pruned meanwhile.
//   - Everything is checked against its id as it is read. A snapshot that can't be read
//     whole is not copied; the others are.
//
// # Twins
//
// A twin is a repository with the id and the keys of another, on another target. Packs and
// manifests are moved to it byte for byte, so that each of the two can be checked, and
// repaired, by what the other has. The object "twin" makes a repository a twin, whatever it
// holds and even if it can't be read.
//
// MakeTwin stores that object first and the config last: without a config nothing is a
// repository.
//
// Deleting beside others is safe only because a name is used once. A run that is about to
// delete a pack may count as dead, and delete it much later, when nobody knows of it any
// more. A name that comes from elsewhere could then be in use again. So in a twin every pack
// and manifest, wherever it comes from, first claims its name (see package write). If the
// name is taken, the blobs of the pack are packed again, or the manifest is sealed again; such
// a manifest names the one it was made from as its Original. In a repository that was not a twin
// from its beginning nothing is stored unchanged, even if it has the same id.
//
// Packs and manifests that are moved belong to runs of the origin. The lease of the copy
// names these runs. A prune leaves alone what is theirs, as if they were alive.
package transfer
