// Package patternfile reads files of patterns, such as .gitignore, that a person names.
//
// What must stay true: such a file may be a pipe, and neither a pipe that nobody writes to nor
// a file without an end holds up the caller.
package patternfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
)

const (
	// mostPatterns is the largest file of patterns, in bytes.
	mostPatterns = 64 << 20
	// pipePatience is how long to wait for a writer of a named pipe.
	pipePatience = 10 * time.Second
)

// Read reads the patterns in a file, which may be a pipe, such as <(COMMAND) in a shell.
func Read(ctx context.Context, name string) ([]repo.Rule, error) {
	f, err := open(ctx, name, pipePatience)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostPatterns+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostPatterns {
		return nil, fmt.Errorf("%s is larger than %s: name a file of patterns", name, term.Size(mostPatterns))
	}
	return repo.ParseRules(bytes.NewReader(text), name)
}

func open(ctx context.Context, name string, patience time.Duration) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory: name a file of patterns", name)
	case info.Mode()&fs.ModeNamedPipe == 0:
		return os.Open(name)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() { // stays behind if nobody ever writes: the program then ends
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, errors.New(name + " is a pipe that nobody writes to")
	}
}
