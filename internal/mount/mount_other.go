//go:build !linux && !darwin

package mount

import (
	"context"

	"github.com/qsnap/qsnap/repo"
)

// A Mount is a mounted repository.
type Mount struct{}

// Start returns ErrUnsupported.
func Start(context.Context, *repo.Repo, string, Options) (*Mount, error) {
	return nil, ErrUnsupported
}

// Dir returns the path of the mount point.
func (m *Mount) Dir() string { return "" }

// Snapshots returns the number of snapshots when they were last listed.
func (m *Mount) Snapshots() int { return 0 }

// Done is closed when the repository is no longer mounted.
func (m *Mount) Done() <-chan struct{} { return nil }

// Unmount unmounts the repository.
func (m *Mount) Unmount() error { return ErrUnsupported }

// Detach removes the mount from the file system at once.
func (m *Mount) Detach() error { return ErrUnsupported }
