package targettest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/target"
)

// A Thing is a file on a target. It says whether the file is foreign: not listed by the
// target, and possibly of value to somebody.
type Thing struct {
	Name   string
	Counts bool
}

// Things are the files to call CheckForeign with.
var Things = []Thing{
	{"lost+found/x", false}, {".bashrc", false}, {".Trash-1000/files/Report.PDF", false}, {"Photos/.DS_Store", false},
	{"notes", false}, {"notes.d/a", false}, // List yields them
	{"Report.PDF", true}, {"Photos/2024/a", true}, {"photos/2024/IMG_1.JPG", true}, {"a b", true},
}

// Lay writes the file into a directory, next to empty directories.
func (t Thing) Lay(dir string) error {
	p := filepath.Join(dir, filepath.FromSlash(t.Name))
	return errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.MkdirAll(filepath.Join(dir, "Empty", "too"), 0o755), os.WriteFile(p, []byte("x"), 0o644))
}

// CheckForeign checks what target.ForeignFinder returns on a target that has only this
// file.
func CheckForeign(ctx context.Context, t target.Target, there Thing) error {
	in, ok := target.As[target.ForeignFinder](t)
	if !ok {
		return fmt.Errorf("%s: the target is no ForeignFinder", there.Name)
	}
	switch found, err := in.Foreign(ctx); {
	case err != nil:
		return fmt.Errorf("%s: %w", there.Name, err)
	case there.Counts && found != there.Name, !there.Counts && found != "":
		return fmt.Errorf("%s: Foreign found %q", there.Name, found)
	}
	return nil
}
