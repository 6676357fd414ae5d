// Package state is the directory in which one host keeps what it knows about its runs: the
// id of the installation, locks, how far each run has come, and small values.
//
//	installation       32 hexadecimal digits: made once, kept for ever
//	lock/NAME          a lock: its holder locks the file (flock) and writes {"pid", "started"}
//	live/ID.json       how far a run has come: a report.RunProgress
//	live/ID.lock       is locked by that run as long as it lives
//	value/NAME.json    one value each
//	reserve            64 KiB of random bytes, which a full disk gives back
//	history/           the records of runs: see package history
//
// In the names of files, what is no lower-case letter, digit, "-" or "." is written as "%"
// and two hexadecimal digits. A name of more than 150 bytes ends with its hash instead.
//
// What must stay true:
//
//   - Losing the directory, or any part of it, loses no version and no data.
//   - A file is written beside and renamed, so that a reader finds the old content or the new
//     one, whatever ends the writer and whenever.
//   - A lock ends with its process. Files of locks stay, because deleting one would let two
//     processes lock two files of one name.
//   - Any number of processes use the directory at once.
package state
