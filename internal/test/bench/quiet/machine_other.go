//go:build !linux

package main

import (
	"errors"
	"os"
)

func openLoadFile(path string) (*os.File, error) {
	if err := os.WriteFile(path, make([]byte, loadBytes), 0o600); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

func syncData(f *os.File) error { return f.Sync() }

func alignedBlock(n int) []byte { return make([]byte, n) }

func prepareMachine(o options) (restore func(), err error) {
	if o.scheduler != "" || o.quota > 0 {
		return nil, errors.New("-scheduler and -quota are for Linux")
	}
	return func() {}, nil
}
