// Package source reads what a snapshot is taken of: files and directories of this machine,
// an fs.FS, or a stream.
//
// A Source has a root directory, from which all others are opened one by one. What must
// stay true: a directory on the way to named paths lists only the names that lead there,
// and need only be searchable. No path is reached through a link that is below another
// path, because the link itself is captured there.
package source
