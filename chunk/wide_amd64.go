package chunk

import "golang.org/x/sys/cpu"

var hasWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512GFNI && cpu.X86.HasAVX512VPCLMULQDQ

// likelyWindow looks through wideWindows windows of 64 bytes, n times, the first of
// which begins at p, each one byte behind the one before it. It returns the number of
// the first in which the lowest 16 bits of the masked fingerprint are zero, or how many
// windows there are.
//
//go:noescape
func likelyWindow(p *byte, n int, q *quotients) int
