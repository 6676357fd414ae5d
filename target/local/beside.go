package local

import (
	"context"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/target"
)

// Beside is part of target.Inspector.
func (t *Target) Beside(ctx context.Context) (string, error) {
	return target.FindBeside(ctx, tmpDir, func(dir string) (out []target.DirEntry, err error) {
		entries, err := os.ReadDir(filepath.Join(t.dir, filepath.FromSlash(dir)))
		for _, e := range entries {
			out = append(out, target.DirEntry{Name: e.Name(), Type: e.Type()})
		}
		return out, err
	})
}
