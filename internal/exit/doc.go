// Package exit tells how a command or a run has ended: its exit code, and the word for it
// that programs read.
//
// What must stay true: codes and words never change. Where an error joins several, the one
// that comes first in the table counts. An error that only adds text to another one has the
// outcome of that one.
package exit
