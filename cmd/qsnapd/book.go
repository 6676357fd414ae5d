package main

import (
	"context"
	"io"
	"slices"
	"sync"
)

// bookLines is how many lines of the service's log are kept for "qsnap logs".
const bookLines = 1000

// A book keeps the newest lines of the service's log.
type book struct {
	mu    sync.Mutex
	lines [][]byte
	count int           // of all lines that were ever written
	more  chan struct{} // is closed by the next write; nil: nobody waits
}

// Write adds a line.
func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, slices.Clone(line))
	b.count++
	if len(b.lines) > bookLines {
		b.lines = slices.Delete(b.lines, 0, len(b.lines)-bookLines)
	}
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	return len(line), nil
}

// after returns the lines after the first n, how many there were then, and what is closed when
// there are more.
func (b *book) after(n int) (lines [][]byte, count int, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more == nil {
		b.more = make(chan struct{})
	}
	left := min(b.count-n, len(b.lines))
	return slices.Clone(b.lines[len(b.lines)-left:]), b.count, b.more
}

// copy copies the lines. With follow it goes on until ctx ends.
func (b *book) copy(ctx context.Context, follow bool, to io.Writer) error {
	for n := 0; ; {
		lines, count, more := b.after(n)
		n = count
		for _, l := range lines {
			if _, err := to.Write(l); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
