package outcome

import "fmt"

// NotesPath stands for a snapshot's notes where the path of what is lost is expected.
const NotesPath = "(notes on what was left out)"

// A damageReport is the error of a call that did what it could and has found damage.
type damageReport struct {
	what  string
	found []error
}

// Damage returns an error that matches ErrDamaged if anything was found.
func Damage(what string, found []error) error {
	if len(found) == 0 {
		return nil
	}
	return &damageReport{what, found}
}

func (e *damageReport) Error() string {
	text := fmt.Sprintf("%s: %v", e.what, e.found[0])
	if more := len(e.found) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

func (e *damageReport) Is(target error) bool { return target == ErrDamaged }
func (e *damageReport) Unwrap() []error      { return e.found }
