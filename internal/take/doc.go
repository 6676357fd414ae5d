// Package take takes snapshots: it captures a source, stores what is new of it, and
// publishes the manifest.
//
// A snapshot is compared with its parent, by default the newest one of the same source:
// files that look the same are not read. Whatever a snapshot reuses is proven to be stored
// when the manifest is published (see package write). If it is not, the source is captured
// again, without a parent. A stream can be read only once, so its snapshot fails then.
//
// # Levels
//
// Every snapshot restores alone. Its level says how much of it was proven:
//
//	incremental    what has changed since the newest snapshot of the source was read
//	differential   what has changed since the last full snapshot was read
//	full           everything was read, and what the repository had already was verified
//
// A full snapshot reads back from the target each segment that it reuses, and stores again
// what is damaged or missing. So older snapshots that need the same blobs are whole again,
// too. At its end it deletes the damaged packs, if other packs hold all that other snapshots
// need of them (see prune.Discard).
package take
