//go:build !linux

package governor

import (
	"errors"
	"io"
)

// HostShare is the directory of the runs of a host. It is not used on this system.
const HostShare = ""

var errNoShare = errors.New("on this system, runs don't know of each other")

// OpenShare returns a Share with no other run.
func OpenShare(_, _ string, _ io.Reader) *Share { return &Share{Why: errNoShare, part: share{1, 1}} }

// Close does nothing.
func (s *Share) Close() error { return nil }

func (s *Share) peers() []peer { return nil }
