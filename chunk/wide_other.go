//go:build !amd64

package chunk

const hasWide = false

func likelyWindow(*byte, int, *quotients) int {
	panic("chunk: not on this processor")
}
