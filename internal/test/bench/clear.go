package main

import (
	"errors"
	"os"
)

// large is how many bytes the files of a tree have on average when it is one of large
// files.
const large = 1 << 20

// clear removes what isn't needed any more: of a tree of large files, as a few of its
// copies fill a disk, and they are so few files that none made later waits for them; and
// in memory, as a virtual machine is slow to get more than it has. It must not be called
// while time is taken.
func (b *bench) clear(paths ...string) error {
	if !b.inMemory && b.bytes < large*b.files {
		return nil
	}
	var errs []error
	for _, p := range paths {
		if p == "" {
			continue
		}
		errs = append(errs, os.RemoveAll(p))
	}
	return errors.Join(errs...)
}
