//go:build !linux && !darwin

package mount

import (
	"context"

	"github.com/qsnap/qsnap/repo"
)

// A Mount is a repository that is mounted.
type Mount struct{}

// Start returns ErrUnsupported.
func Start(context.Context, *repo.Repo, string, Options) (*Mount, error) {
	return nil, ErrUnsupported
}

// Dir returns where it is mounted.
func (m *Mount) Dir() string { return "" }

// Snapshots returns how many snapshots were last seen.
func (m *Mount) Snapshots() int { return 0 }

// Done is closed when it is not mounted any more.
func (m *Mount) Done() <-chan struct{} { return nil }

// Unmount unmounts it.
func (m *Mount) Unmount() error { return ErrUnsupported }

// Detach takes it out of the file system at once.
func (m *Mount) Detach() error { return ErrUnsupported }
