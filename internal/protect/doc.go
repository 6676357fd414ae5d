// Package protect decides what a restore that deletes must leave alone.
//
// A Guard visits the directories of a destination, each as a Level below that of its
// parent, and gives for each entry that the snapshot doesn't have the reason why it must
// stay, if there is one. It writes nothing and deletes nothing.
//
// What must stay true: only what the snapshot would hold, had it been there, may be
// deleted. So everything stays that the snapshot's rules left out, that its ignore files
// or those of the destination exclude, that lies on another file system than it did then,
// or that is beside the snapshot's paths. If something that decides about this can't be
// read, that is an error and sets Unsure.
package protect
