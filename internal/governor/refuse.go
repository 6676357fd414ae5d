package governor

import (
	"errors"
	"fmt"
	"runtime"
)

// An ability is what can be held on a system.
type ability struct {
	io    bool // bytes are measured
	yield bool // others are looked at
}

var abilities = map[string]ability{
	"linux":   {io: true, yield: true},
	"windows": {io: true},
}

// Refuse returns an error for limits that can't be held on this system.
func Refuse(l Limits) error { return refuse(l, runtime.GOOS) }

func refuse(l Limits, system string) error {
	can := abilities[system]
	errs := []error{l.valid()}
	if l.Mode == Always && l.IO > 0 && l.IO < 1 && !can.io {
		errs = append(errs, fmt.Errorf("limits.io can't be held on %s, where I/O is not measured: set it to 100%%", system))
	}
	if l.Mode == Yield && !can.yield {
		errs = append(errs, fmt.Errorf("limits.mode yield can't be held on %s, where others are not looked at: set it to always", system))
	}
	return errors.Join(errs...)
}
