package chunk

import "golang.org/x/sys/cpu"

var hasWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512GFNI

// likelyWindows looks through 256 windows of 64 bytes, n times, the first of which
// begins at p, each one byte behind the one before it. It returns the number of the
// first of 64 of them, at a multiple of 64, in some of which the lowest 16 bits of the
// masked fingerprint are zero, and which those are; or, where there are none, a number
// beyond them all less 64.
//
//go:noescape
func likelyWindows(p *byte, n int, m *matrices) (at int, hits uint64)
