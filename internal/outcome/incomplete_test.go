package outcome_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/snapshot"
)

func TestAnIncompleteErrorCountsPathsAndNamesTheFirstCause(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "etc/shadow", Err: fs.ErrPermission}
	for want, e := range map[string]*outcome.IncompleteError{
		"1 path could not be read as it should: open etc/shadow: permission denied":                 {Paths: 1, Causes: []error{cause}, Done: "read"},
		"1 path could not be restored as it should":                                                 {Paths: 1, Done: "restored"},
		"3 paths could not be read as they should, the first is open etc/shadow: permission denied": {Paths: 3, Causes: []error{cause}, Done: "read"},
		"/srv is missing: not mounted; 2 paths could not be read as they should":                    {Missing: []snapshot.Missing{{Path: "/srv", Text: "not mounted"}}, Paths: 2, Done: "read"},
		"*.go matches nothing in the snapshot":                                                      {Unmatched: []string{"*.go"}},
	} {
		if got := e.Error(); got != want {
			t.Errorf("the error is %q, not %q", got, want)
		}
		if !errors.Is(e, outcome.ErrIncomplete) || errors.Is(e, fs.ErrPermission) != (len(e.Causes) > 0) {
			t.Errorf("%v doesn't match what it is", e)
		}
	}
}
