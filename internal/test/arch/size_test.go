package arch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The limits of a package, which tests don't count towards, and of a file. Whatever exceeds
// them holds a second subject, which deserves a place of its own.
const (
	maxPackageLines = 3500
	maxFileLines    = 400
)

// unlimited is the package that may be larger: it has a file for each command.
const unlimited = "cmd/qsnap"

// tooLong returns the files and packages that exceed their limits.
func tooLong(files []sourceFile) (found []string) {
	lines := map[string]int{} // by package
	for _, f := range files {
		n := f.set.File(f.tree.FileStart).LineCount()
		lines[f.dir()] += n
		if n > maxFileLines {
			found = append(found, fmt.Sprintf("%s has %d lines, more than %d", f.name, n, maxFileLines))
		}
	}
	for dir, n := range lines {
		if n > maxPackageLines && dir != unlimited {
			found = append(found, fmt.Sprintf("%s has %d lines without tests, more than %d", dir, n, maxPackageLines))
		}
	}
	slices.Sort(found)
	return found
}

func TestPackagesAndFilesAreAboutOneThing(t *testing.T) {
	for _, f := range tooLong(sourceFiles(t, "../../..")) {
		t.Errorf("%s: split it by subject", f)
	}
}

func TestAPackageOrFileThatIsTooLongIsFound(t *testing.T) {
	var files []sourceFile
	add := func(dir, name string, lines int) {
		files = append(files, parsed(t, dir+"/"+name, "package a\n"+strings.Repeat("// More.\n", lines-1)))
	}
	add("small", "long.go", 401)
	add("small", "whole.go", 400)
	for i := range 8 {
		add("full", fmt.Sprintf("%d.go", i), 400)
		add("large", fmt.Sprintf("%d.go", i), 400)
		add(unlimited, fmt.Sprintf("%d.go", i), 400)
	}
	add("full", "rest.go", 300)
	add("large", "rest.go", 301)
	add(unlimited, "rest.go", 301)
	want := []string{
		"large has 3501 lines without tests, more than 3500",
		"small/long.go has 401 lines, more than 400",
	}
	if got := tooLong(files); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
