//go:build !linux

package local

import (
	"context"
	"errors"
	"os"
)

// openUnnamed fails: only Linux has files without a name.
func openUnnamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func beginWriting(*os.File, int64, int) error { return nil }

func linkUnnamed(*os.File, string) error { return errors.ErrUnsupported }

// renameExclusive gives a temporary file its final name, unless the name is taken.
func renameExclusive(f *temporary, path string) error { return os.Link(f.path, path) }

// Space implements target.SpaceReporter.
func (t *Target) Space(context.Context) (free, total int64, err error) {
	return 0, 0, errors.ErrUnsupported
}
