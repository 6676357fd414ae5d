package main

import (
	"fmt"
	"os"
	"os/exec"
)

// prepare makes the system the same for whatever is measured next.
func (b *bench) prepare() error {
	switch {
	case b.cold:
		return b.dropCaches()
	case b.holder != nil:
		return b.holder.fill()
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
