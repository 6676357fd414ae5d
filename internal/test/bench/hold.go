package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A holder is a process that keeps the memory that is free from being given back: a
// virtual machine's host takes what isn't used for some seconds, and is slow to return
// it, so that whoever measured first, or was faster, would pay for all. As soon as
// little is free the process gives what it has to whoever needs it.
//
// It is a process of its own because the peak memory of a child counts that of the
// parent that made it (see exec_mmap in Linux's fs/exec.c).
type holder struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// holdMemory is the word by which this program is told to be a holder's process.
const holdMemory = "hold-memory"

func startHolder(ctx context.Context) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h := &holder{cmd: exec.CommandContext(ctx, self, holdMemory)}
	h.cmd.Stderr = os.Stderr
	if h.in, err = h.cmd.StdinPipe(); err == nil {
		h.out, err = h.cmd.StdoutPipe()
	}
	if err == nil {
		err = h.cmd.Start()
	}
	return h, err
}

// fill has all that is free held, but for little.
func (h *holder) fill() error {
	answer := []byte{'f'}
	_, err := h.in.Write(answer)
	if err == nil {
		_, err = io.ReadFull(h.out, answer)
	}
	if err != nil {
		return fmt.Errorf("hold memory: %w", err)
	}
	return nil
}

// stop ends the process.
func (h *holder) stop() error { return errors.Join(h.in.Close(), h.cmd.Wait()) }
