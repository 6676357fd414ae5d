package sftp

import (
	"context"
	"errors"
	"io/fs"
	"net"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// A failure is an error that says whether repeating may help.
type failure struct {
	err       error
	temporary bool
}

func (f *failure) Error() string   { return f.err.Error() }
func (f *failure) Unwrap() error   { return f.err }
func (f *failure) Temporary() bool { return f.temporary }

func permanent(err error) error { return &failure{err, false} }
func temporary(err error) error { return &failure{err, true} }

// Status codes of SFTP that pkg/sftp doesn't name: codes above 8 are from later drafts
// (draft-ietf-secsh-filexfer-13, 9.1), and some servers of version 3 use them.
const (
	statusFailure   = 4
	statusNoPath    = 10
	statusExists    = 11
	statusProtected = 12
	statusNoSpace   = 14
	statusQuota     = 15
)

// refined translates answers of a server to the errors that this package and its callers
// look for.
func refined(err error) error {
	status, ok := errors.AsType[*sftp.StatusError](err)
	if !ok {
		return err
	}
	switch status.Code {
	case statusNoPath:
		return fs.ErrNotExist
	case statusExists:
		return fs.ErrExist
	case statusProtected:
		return permanent(errReadOnly)
	case statusNoSpace:
		return permanent(errNoSpace)
	case statusQuota:
		return permanent(errors.New("the quota on the server is used up"))
	}
	return err
}

var (
	errNoSpace  = errors.New("no space left on the server")
	errReadOnly = errors.New("the file system on the server is read-only")
	errSilent   = errors.New("nothing was heard from the server since the last two keep-alive requests were due")
	errClosed   = permanent(errors.New("the target is closed"))
)

// failed reports whether the server said only that something failed.
func failed(err error) bool {
	status, ok := errors.AsType[*sftp.StatusError](err)
	return ok && status.Code == statusFailure
}

// answered reports whether an error is an answer of the server, or was found without it,
// so that the connection can be reused.
func answered(err error) bool {
	if _, ok := errors.AsType[*sftp.StatusError](err); ok || err == nil {
		return true
	}
	if _, ok := errors.AsType[*failure](err); ok {
		return true
	}
	_, body := errors.AsType[*bodyError](err)
	return body || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrPermission)
}

// explain adds to an error what it is about, and whether it is temporary.
func explain(ctx context.Context, op, where string, err error) error {
	if err == nil {
		return nil
	}
	about := func(err error) error { return &fs.PathError{Op: op, Path: where, Err: err} }
	err = refined(err)
	body, ofBody := errors.AsType[*bodyError](err)
	known, isKnown := errors.AsType[*failure](err)
	switch {
	case ofBody:
		return about(body.error)
	case ctx.Err() != nil:
		return about(ctx.Err())
	case isKnown:
		return &failure{about(err), known.temporary}
	case errors.Is(err, fs.ErrNotExist):
		return about(fs.ErrNotExist)
	case errors.Is(err, fs.ErrExist):
		return about(fs.ErrExist)
	case errors.Is(err, fs.ErrPermission):
		return permanent(about(fs.ErrPermission))
	}
	return &failure{about(err), mayPass(err)}
}

// mayPass reports whether repeating may help.
func mayPass(err error) bool {
	if known, ok := errors.AsType[*failure](err); ok {
		return known.temporary
	}
	if status, ok := errors.AsType[*sftp.StatusError](err); ok {
		return status.Code == statusFailure || status.Code == uint32(sftp.ErrSSHFxNoConnection) || status.Code == uint32(sftp.ErrSSHFxConnectionLost)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if open, ok := errors.AsType[*ssh.OpenChannelError](err); ok {
		return open.Reason != ssh.Prohibited && open.Reason != ssh.UnknownChannelType
	}
	_, changedKey := errors.AsType[*HostKeyError](err)
	_, noCommon := errors.AsType[*ssh.AlgorithmNegotiationError](err)
	return !changedKey && !noCommon
}
