//go:build !amd64

package chunk

const hasWide = false

func likelyWindow(*byte, int, *quotients) int {
	panic("chunk: the wide scan needs an amd64 processor")
}
