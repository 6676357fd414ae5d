//go:build !linux && !darwin

package disk

import (
	"errors"
	"io/fs"

	"github.com/qsnap/qsnap/snapshot"
)

// fillSystem sets nothing on this system.
func fillSystem(*snapshot.Entry, fs.FileInfo) uint64 { return 0 }

// ownerOf is not supported on this system.
func ownerOf(fs.FileInfo) (uid, gid uint32, err error) { return 0, 0, errors.ErrUnsupported }
