package target

import (
	"context"
	"strings"
)

// An Inspector is a target that can tell what lies there beside objects.
type Inspector interface {
	// Beside returns the name of something on the target that is no object, and that
	// somebody may want to keep, or "" if there is nothing. Empty directories, what
	// unfinished writes of the target's own left, and what IsIncidental don't count.
	Beside(ctx context.Context) (string, error)
}

// MaxInspected is how many directories Beside looks into. If it has found nothing by
// then, it returns the next directory.
const MaxInspected = 1000

// IsIncidental reports whether a name says that a file, or all in a directory, is what
// systems leave by themselves: those of dot files, and of the top of file systems.
func IsIncidental(name string) bool {
	switch name {
	case "lost+found", "System Volume Information", "$RECYCLE.BIN", "aquota.user", "aquota.group", "quota.user", "quota.group":
		return true
	}
	return strings.HasPrefix(name, ".")
}
