package disk

// NameRules says which names a directory treats as the same, as far as that is known
// without writing to it.
type NameRules int

// The known rules.
const (
	RulesUnknown NameRules = iota // only trying names can tell
	AllDistinct                   // all names are distinct
	FoldsCase                     // names that differ only in case are the same
)
