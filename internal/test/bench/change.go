package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// few is up to how many files a tree is not changed by every hundredth of them.
const few = 100

// change changes a hundredth of a tree: every hundredth file, or, where there are
// few, the largest one, which gets as many bytes more in its middle.
func (b *bench) change(paths []string, run int) error {
	if len(paths) > few {
		return changeSome(paths, run)
	}
	var largest string
	var size int64
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.Size() >= size {
			largest, size = p, info.Size()
		}
	}
	return insert(largest, size/2, b.bytes/100)
}

// changeSome appends a line to every hundredth file.
func changeSome(paths []string, run int) error {
	for i := run; i < len(paths); i += 100 {
		f, err := os.OpenFile(paths[i], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(f, "changed in run %d\n", run)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// insert puts random bytes into a file.
func insert(path string, at, n int64) error {
	old, err := os.Open(path)
	if err != nil {
		return err
	}
	defer old.Close()
	fresh, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte{byte(n)})
	for _, part := range []io.Reader{io.NewSectionReader(old, 0, at), io.LimitReader(random, n), io.NewSectionReader(old, at, 1<<62)} {
		if _, err := io.Copy(fresh, part); err != nil {
			return errors.Join(err, fresh.Close())
		}
	}
	return errors.Join(fresh.Close(), os.Rename(path+".new", path))
}
