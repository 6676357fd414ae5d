// Package retain forgets snapshots, by name and by a policy, brings forgotten ones back, and
// gives those of one host to another.
//
// What must stay true: a snapshot that is pinned, or that the target keeps locked, is not
// forgotten. A policy keeps it; a call that names it forgets nothing. A policy is applied
// only if every manifest can be read, because one that can't be read might count. Forgetting
// keeps a record of the manifest, so that it can be undone until a prune has deleted what the
// snapshot held.
package retain
