package connect

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrConfig is what an error is if a location, a setting or a secret's file can't
	// work: trying again doesn't help.
	ErrConfig = errors.New("the configuration can't work")
	// ErrUnreachable is what an error is if the server or device of a mounted file
	// system doesn't answer.
	ErrUnreachable = errors.New("the target is out of reach")
	// ErrNoSecret means that nothing was given that could unlock the repository.
	ErrNoSecret = errors.New("no password and no key was given")
)

// An Error is what went wrong at a location.
type Error struct {
	Location Location
	Err      error
}

// Error names the location, without secrets.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Location, e.Err) }

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// at names the location of an error that doesn't yet.
func at(l Location, err error) error {
	if err == nil {
		return nil
	}
	if _, named := errors.AsType[*Error](err); named {
		return err
	}
	return &Error{l, err}
}

// A kindError is also what a sentinel error is, which its text doesn't say.
type kindError struct {
	error
	kind error
}

// Unwrap returns both.
func (e kindError) Unwrap() []error { return []error{e.error, e.kind} }

// badConfig says that an error is one of the configuration.
func badConfig(err error) error {
	if err == nil || errors.Is(err, ErrConfig) {
		return err
	}
	return kindError{err, ErrConfig}
}

// unreachable says of an error of opening a target that the server or device of a mounted
// file system doesn't answer.
func unreachable(err error) error {
	for _, errno := range []error{syscall.ENOTCONN, syscall.ESTALE, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT, syscall.EIO} {
		if errors.Is(err, errno) {
			return kindError{err, ErrUnreachable}
		}
	}
	return err
}
