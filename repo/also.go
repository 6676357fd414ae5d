package repo

import "fmt"

// also returns an error that says both, in a line; either may be nil. It is for what goes
// wrong while something that went wrong is cleared away.
func also(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return fmt.Errorf("%w; %w", err, other)
}
