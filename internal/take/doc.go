// Package take takes snapshots: it captures a source, stores what is new of it, and
// publishes the manifest.
//
// A snapshot is compared with its parent, by default the newest one of the same source:
// files that look the same are not read. Whatever a snapshot reuses is proven to be stored
// when the manifest is published (see package write). If it is not, the source is captured
// again, without a parent. A stream can be read only once, so its snapshot fails then.
package take
