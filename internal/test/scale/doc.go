// Package scale holds what must stay true of large repositories, as tests: what a
// blob or a file costs doesn't grow with their number, and memory is bounded
// whatever is in them. They take minutes and some space in TMPDIR:
//
//	go test -tags scale -v ./internal/test/scale
package scale
