// Package check finds damage in a repository, and names the files that it affects.
//
// Run reads the objects of a repository, and walks the trees of every snapshot. BadPacks
// reads packs alone, for repair. What must stay true:
//
//   - A check waits for nobody, and may run beside anything. It reads objects in the
//     opposite order of that in which runs store them: manifests are listed before deltas,
//     and deltas before packs. So nothing that is stored meanwhile looks like damage.
//   - A prune that moves or deletes packs meanwhile may look like damage. It replaces index
//     deltas. So a check that has found damage repeats itself if a delta has gone.
//   - A check trusts nothing local: its index is made from the target's deltas, and nothing
//     that was read before hides what can't be read now.
//   - Each object that is damaged has one finding. What can't be restored has one that is
//     damage: a note, such as that no delta lists the pack, never hides that it can't be
//     read. A blob is lost only if no copy of it can be read.
package check
