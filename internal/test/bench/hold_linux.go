package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How much of memory stays free, or is free again soon after it was taken, besides the
// lowest memory; and how much is held or given up at a time. The lowest memory is used
// last: were no more than that free, the system would make room by forgetting what it
// has read.
const (
	mostFree  = 768 << 20
	leastFree = 512 << 20
	heldPart  = 64 << 20
)

// beHolder is what a holder's process does: for each byte that it reads it takes all
// that is free, and answers with it.
func beHolder() error {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	all, err := unix.Mmap(-1, 0, int(info.Totalram)*int(info.Unit)/heldPart*heldPart, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return err
	}
	lowest, err := lowestMemory()
	if err != nil {
		return err
	}
	asked := make(chan error)
	go func() {
		for b := make([]byte, 1); ; {
			_, err := os.Stdin.Read(b)
			if asked <- err; err != nil {
				return
			}
		}
	}()
	held := 0
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-tick.C:
			for held > 0 && freeMemory() < lowest+leastFree {
				held -= heldPart
				if err := unix.Madvise(all[held:held+heldPart], unix.MADV_DONTNEED); err != nil {
					return err
				}
			}
		case err := <-asked:
			if err == io.EOF {
				return nil
			}
			for held < len(all) && err == nil && freeMemory() > lowest+mostFree {
				err = unix.Madvise(all[held:held+heldPart], unix.MADV_POPULATE_WRITE)
				held += heldPart
			}
			if err == nil {
				_, err = os.Stdout.Write([]byte{'f'})
			}
			if err != nil {
				return err
			}
		}
	}
}

// freeMemory returns how many bytes of memory nobody uses, or 0 if that isn't known.
func freeMemory() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return info.Freeram * uint64(info.Unit)
}

// lowestMemory returns how many bytes there are in zones of their own for devices that
// have short addresses (proc_zoneinfo(5)).
func lowestMemory() (bytes uint64, err error) {
	zones, err := os.ReadFile("/proc/zoneinfo")
	if err != nil {
		return 0, err
	}
	lowest := false
	for line := range strings.Lines(string(zones)) {
		switch f := strings.Fields(line); {
		case len(f) == 4 && f[2] == "zone":
			lowest = strings.HasPrefix(f[3], "DMA")
		case len(f) == 2 && f[0] == "managed" && lowest:
			pages, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/zoneinfo: %w", err)
			}
			bytes += pages * uint64(os.Getpagesize())
		}
	}
	return bytes, nil
}
