// Package usage tells how much a repository stores, and because of which snapshots.
//
// What must stay true: a number is exact or there is none. A chunk or page that is in no pack,
// or a manifest that can't be read, is an error.
package usage
