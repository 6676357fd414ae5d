// Package view reads what a snapshot holds: entries by their paths, directories, the content
// of files, and the whole as an fs.FS.
//
// What must stay true: nothing is returned that was not captured. A directory whose names
// are unknown and a file whose content is unknown are errors that say why; they are never
// empty.
package view
