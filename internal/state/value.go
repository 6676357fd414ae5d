package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ReadValue reads the value with a name as JSON. The error is fs.ErrNotExist if there is
// none, and a *DamagedValue if it can't be read.
func (d *Dir) ReadValue(name string, into any) error {
	file := d.Path("value", FileName(name)+".json")
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return &DamagedValue{file, err}
	}
	return nil
}

// A DamagedValue is a value of the state directory that can't be read. It may be deleted.
type DamagedValue struct {
	Path string
	Err  error
}

// Error returns one line.
func (e *DamagedValue) Error() string {
	return fmt.Sprintf("%s is damaged: %v: delete it", e.Path, e.Err)
}

// Unwrap returns what is wrong with it.
func (e *DamagedValue) Unwrap() error { return e.Err }

// WriteValue stores a value under a name, in place of the one that is there.
func (d *Dir) WriteValue(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("value %s: %w", name, err)
	}
	return d.Write(append(b, '\n'), "value", FileName(name)+".json")
}

// RemoveValue removes the value with a name, if there is one.
func (d *Dir) RemoveValue(name string) error {
	err := os.Remove(d.Path("value", FileName(name)+".json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.explain(err)
	}
	return nil
}
