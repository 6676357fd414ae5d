// Package forecast says from the snapshots of a source what its next ones will need. It is
// arithmetic over manifests and reads no repository.
//
// What must stay true: a forecast states how many snapshots it was made from, and is not
// guessed where these say nothing.
package forecast
