// Package series tells from manifests who makes versions: which installations work for one
// profile of a host, and which hosts and installations have fallen silent.
//
// What must stay true: the functions depend only on the manifests and on the time that the
// caller passes. A stamp that isn't trusted makes nobody alive, and nobody silent.
package series
