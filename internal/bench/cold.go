package main

import (
	"fmt"
	"os"
	"os/exec"
)

// dropCaches has the system forget what it has read, if that is asked for.
func (b *bench) dropCaches() error {
	if !b.cold {
		return nil
	}
	if err := exec.CommandContext(b.ctx, "sync").Run(); err != nil {
		return fmt.Errorf("cold: sync: %w", err)
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("cold: this takes Linux, and root outside of containers: %w", err)
	}
	return nil
}
