package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// prepare makes the system the same for whatever is measured next.
func (b *bench) prepare() error {
	switch {
	case b.cold:
		return b.dropCaches()
	case b.inMemory:
		return b.touchMemory()
	}
	return nil
}

// dropCaches has the system forget what it has read.
func (b *bench) dropCaches() error {
	if err := exec.CommandContext(b.ctx, "sync").Run(); err != nil {
		return fmt.Errorf("cold: sync: %w", err)
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("cold: this takes Linux, and root outside of containers: %w", err)
	}
	return nil
}

// moreMemory is what a tool may use beside a copy of the tree.
const moreMemory = 256 << 20

// touchMemory uses as much memory as may be needed next. A virtual machine may be slow to
// get what it hasn't used for seconds, and the first tool would pay for all.
func (b *bench) touchMemory() error {
	name := filepath.Join(filepath.Dir(b.work), "touched")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for written := int64(0); written < b.bytes+moreMemory && err == nil; written += int64(len(zeros)) {
		_, err = f.Write(zeros)
	}
	return errors.Join(err, f.Close(), os.Remove(name))
}
