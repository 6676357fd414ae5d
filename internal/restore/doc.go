// Package restore restores a snapshot, or a part of it, to a directory.
//
// It decides what package extract writes and deletes: which entries are selected, what the
// snapshot knows about paths that it doesn't hold, and where the destination lies. Only
// what the snapshot covers may be deleted. Paths that its rules left out, that could not
// be read, or that lie beside its sources stay, and so do the files that qsnap itself
// uses. If that can't be known for certain, nothing is deleted.
package restore
