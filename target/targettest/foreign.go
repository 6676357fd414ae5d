package targettest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/target"
)

// A Thing is a file that lies on a target, and whether somebody may want to keep it
// that the target doesn't list.
type Thing struct {
	Name   string
	Counts bool
}

// Things are what CheckBeside is to be tried with.
var Things = []Thing{
	{"lost+found/x", false}, {".bashrc", false}, {".Trash-1000/files/Report.PDF", false}, {"Photos/.DS_Store", false},
	{"notes", false}, {"notes.d/a", false}, // List has them
	{"Report.PDF", true}, {"Photos/2024/a", true}, {"photos/2024/IMG_1.JPG", true}, {"a b", true},
}

// Lay puts the thing in a directory, beside empty ones.
func (t Thing) Lay(dir string) error {
	p := filepath.Join(dir, filepath.FromSlash(t.Name))
	return errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.MkdirAll(filepath.Join(dir, "Empty", "too"), 0o755), os.WriteFile(p, []byte("x"), 0o644))
}

// CheckBeside checks what target.ForeignFinder says on a target that has just this thing.
func CheckBeside(ctx context.Context, t target.Target, there Thing) error {
	in, ok := target.As[target.ForeignFinder](t)
	if !ok {
		return fmt.Errorf("%s: the target can't tell", there.Name)
	}
	switch found, err := in.Foreign(ctx); {
	case err != nil:
		return fmt.Errorf("%s: %w", there.Name, err)
	case there.Counts && found != there.Name, !there.Counts && found != "":
		return fmt.Errorf("%s: Beside found %q", there.Name, found)
	}
	return nil
}
