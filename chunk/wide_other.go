//go:build !amd64

package chunk

const hasWide = false

func likelyWindows(*byte, int, *matrices) (at int, hits uint64) {
	panic("chunk: not on this processor")
}
