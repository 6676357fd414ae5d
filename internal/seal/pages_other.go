//go:build !linux

package seal

func expectMemory(int) {}
