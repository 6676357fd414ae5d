package chunk

import "golang.org/x/sys/cpu"

var hasWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512GFNI && cpu.X86.HasAVX512VPCLMULQDQ

// likelyWindow examines n times wideWindows windows of 64 bytes. The first begins at p,
// and each of the others one byte after the one before. It returns the number of the
// first window in which the lowest 16 bits of the masked fingerprint are zero, or, if
// there is none, the number of windows.
//
//go:noescape
func likelyWindow(p *byte, n int, q *quotients) int
