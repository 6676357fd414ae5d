// Package mutants says in which ways the code could be wrong that its simulator has
// to notice.
//
// Each mutant is the code with a small change that breaks the protocol of deleting
// (see package repo), a shortcut that is known to lose data. TestMutantsDie builds the
// tests of package sim with each of them in turn, by an overlay, and demands that
// they fail because a promise was broken, and in no other way. It takes minutes and
// has a build tag of its own:
//
//	go test -tags mutants ./internal/test/mutants
//
// That the changes still fit the code is tested always.
package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Mutant is the code with a change that must be noticed.
type Mutant struct {
	Name  string // what is wrong with it
	Tests string // the tests that have to notice it, as for go test -run
	Edits []Edit

	Interruptions int // that the tests have to allow; 0 is what they allow anyway
}

// An Edit is a change of a file.
type Edit struct {
	File     string // relative to the module's root
	Old, New string // Old is there once
}

// Apply returns the mutant's files, by their names, as they are with its edits.
func (m *Mutant) Apply(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.Edits {
		text, ok := files[e.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("mutant %q: %s has %d times, instead of once:\n%s", m.Name, e.File, n, e.Old)
		}
		files[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return files, nil
}
