package repo

import (
	"context"
	"os"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/snapshot"
)

// history returns what a snapshot, which may be nil, tells of its source. What of it can't
// be read tells nothing.
func (r *Repo) history(ctx context.Context, m *snapshot.Manifest) (h capture.History, err error) {
	if m == nil {
		return h, nil
	}
	h = capture.History{Root: &m.Root, Mounts: map[string]bool{}}
	for n, err := range snapshot.ReadNotes(ctx, trees{r}, m.Notes) {
		if err != nil {
			return h, ctx.Err()
		}
		if n.Kind == snapshot.NoteMount {
			h.Mounts[n.Path] = true
		}
	}
	return h, nil
}

// fstab returns where this machine means to mount something.
func fstab() disk.Mounts {
	text, err := os.ReadFile("/etc/fstab")
	if err != nil {
		return nil
	}
	return disk.ParseFstab(text)
}
