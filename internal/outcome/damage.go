package outcome

import "fmt"

// NotesPath is reported as the path of damage if a snapshot's notes are damaged.
const NotesPath = "(notes on what was left out)"

// A damageReport is the error of a call that came to its end and found damage.
type damageReport struct {
	what  string
	found []error
}

// Damage returns an error that matches ErrDamaged, or nil if found is empty.
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
