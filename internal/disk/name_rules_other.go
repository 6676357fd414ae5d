//go:build !linux

package disk

// NameRules returns which names the directory treats as the same, which is unknown on
// this system.
func (d *Dir) NameRules() NameRules { return RulesUnknown }

// CanLink reports whether files in the directory can have several names, which is unknown
// on this system.
func (d *Dir) CanLink() (can, known bool) { return false, false }
