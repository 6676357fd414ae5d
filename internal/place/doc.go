// Package place says where in the file system the tree of a snapshot lies, and what
// patterns with whole paths mean in it.
//
// A pattern is relative to the root of the tree. People write whole paths, also through
// symbolic links that this machine has. The links are followed without touching mounts
// that may hang: those of other machines and of other programs, unless one of the
// snapshot's paths lies on them.
package place
