package disk

// Telling is what is known of whether a directory tells all names apart, without writing
// to it.
type Telling int

// What is known.
const (
	TellsPerhaps Telling = iota // it has to be tried
	TellsAll                    // no two names are one
	FoldsCase                   // names that differ in case are one
)
