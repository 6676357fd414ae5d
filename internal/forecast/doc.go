// Package forecast says from the snapshots of a source how it grows, and what its next
// snapshots will need. It is arithmetic over manifests and reads no repository.
//
// What must stay true: a forecast states what it was made from. One that was made from too
// few snapshots says so, and is not guessed.
package forecast
