package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// prepare makes the system the same for whatever is measured next.
func (b *bench) prepare() error {
	if err := b.settle(); err != nil {
		return err
	}
	if b.cold {
		if err := dropCaches(); err != nil {
			return err
		}
	}
	if b.holder != nil {
		return b.holder.fill()
	}
	return nil
}

// settle waits until the disk has all that was written, so that nobody waits for what
// another one left: some tools sync what they write, and others don't.
func (b *bench) settle() error {
	if runtime.GOOS == "windows" {
		return nil // which has no such command
	}
	if err := exec.CommandContext(b.ctx, "sync").Run(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// dropCaches has the system forget what it has read.
func dropCaches() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("cold: this takes Linux, and root outside of containers: %w", err)
	}
	return nil
}
