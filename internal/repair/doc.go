// Package repair makes a damaged repository whole, as far as what is left of it allows, and
// rewrites snapshots without some of their files.
//
// Index makes the index deltas from the packs. Packs moves what can be read out of damaged
// packs and removes these. Snapshots makes snapshots without what is lost. The first two
// also store which blobs snapshots need and no pack holds, so that the next snapshot of the
// same source stores these again if the source still has them.
//
// What must stay true: nothing is removed before what can be read of it is stored under
// another name and listed. What may be intact is never removed: an object whose bytes are
// those that its name was made from belongs to another repository, and an object that may
// not be read may well be whole.
package repair
