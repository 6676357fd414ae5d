package disk

import (
	"errors"
	"strings"

	"github.com/qsnap/qsnap/snapshot"
)

// FoldsCase reports whether the directory doesn't tell names apart that differ in case
// only. It makes a file there, looks for it under another name, and removes it.
func (o *Out) FoldsCase() (folds bool, err error) {
	f, err := o.Create(&snapshot.Entry{Name: "case", Mode: 0o600}, false, Keep{}, func(error) {})
	if err != nil {
		return false, err
	}
	var e snapshot.Entry
	_, missing := o.Lstat(strings.ToUpper(f.part), &e)
	return missing == nil, errors.Join(o.Abort(f))
}
