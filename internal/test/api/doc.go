// Package api holds the exported API of the public packages, repo and those below it, as
// text: one declaration a line, in testdata. A change of the API is seen in a change of
// these files, and is meant or a mistake.
//
// The test says which lines differ. If they are meant to,
//
//	go test ./internal/test/api -update
//
// writes the files again. Names of parameters and results are left out, because nobody who
// calls a function depends on them. All files of a package are read, whatever system they
// are for.
package api
