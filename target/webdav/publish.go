package webdav

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"

	"github.com/qsnap/qsnap/target"
)

// move renames a file, unless the new name is taken. With an error it also returns the
// status of the answer, or 0 if there was none.
func (t *Target) move(ctx context.Context, op, name, from, to string) (status int, err error) {
	destination := t.url(to).String()
	if t.pathDestination {
		destination = t.url(to).EscapedPath()
	}
	c := call{op: op, name: name, method: "MOVE", url: t.url(from),
		header: http.Header{"Destination": {destination}, "Overwrite": {"F"}}}
	resp, err := t.send(ctx, c)
	if err != nil {
		return 0, err
	}
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusNoContent, http.StatusOK:
		discard(resp)
		return resp.StatusCode, nil
	}
	return resp.StatusCode, t.failed(c, resp)
}

// publish moves the upload to its name.
func (p *put) publish(ctx context.Context) error {
	parent, made := path.Dir(p.name), false
	for pause := p.t.pauses(); ; {
		status, err := p.t.move(ctx, "put", p.name, p.upload, p.name)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if _, silent := errors.AsType[errSilent](err); silent {
			return err
		}
		if status == http.StatusPreconditionFailed {
			return p.exists(ctx)
		}
		if status >= 400 && !busy(status) && parent != "." && !made {
			// Servers report a missing collection in different ways.
			if err := p.t.makeCollection(ctx, parent); err != nil {
				return err
			}
			made = true
			continue
		}
		if err := p.outcome(ctx, pause, status, err); err != errAgain {
			return err
		}
	}
}

var errAgain = errors.New("the upload is still there")

// outcome determines the result of a MOVE that failed or whose answer is unknown: nil if
// the object exists, errAgain if the MOVE should be sent again, otherwise the failure.
func (p *put) outcome(ctx context.Context, pause *pauses, status int, failure error) error {
	for {
		_, err := p.t.stat(ctx, "put", p.upload)
		switch {
		case ctx.Err() != nil:
			return err
		case errors.Is(err, fs.ErrNotExist):
			return p.compare(ctx)
		case pause.over(), status != 0 && !busy(status), status == 0 && err != nil:
			return failure
		}
		if err := pause.wait(ctx); err != nil {
			return err
		}
		// A lock has refused the MOVE, or a broken connection may have lost it. Otherwise
		// the server may still be working on it, and would start again.
		if status == http.StatusLocked || status == 0 {
			return errAgain
		}
	}
}

// exists deletes the upload after the name was found taken. If the upload is gone, it may
// have taken the name itself: something in between has sent the MOVE twice.
func (p *put) exists(ctx context.Context) error {
	deleted, err := p.t.remove(ctx, "put", p.name, p.upload)
	if err != nil {
		return err
	}
	if !deleted {
		return p.compare(ctx)
	}
	return &fs.PathError{Op: "put", Path: p.name, Err: fs.ErrExist}
}

// compare is called when the upload is gone. It returns nil if the object has the bytes
// that were to be put, fs.ErrExist if it has others, and errDeleted if there is none.
func (p *put) compare(ctx context.Context) error {
	info, err := p.t.stat(ctx, "put", p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return errDeleted
	}
	if err != nil {
		return err
	}
	same := false
	if info.Size == p.body.size {
		if same, err = p.same(ctx); err != nil {
			return err
		}
	}
	if !same {
		return &fs.PathError{Op: "put", Path: p.name, Err: fs.ErrExist}
	}
	return nil
}

// same reports whether the object has the bytes of the body.
func (p *put) same(ctx context.Context) (bool, error) {
	there, err := p.t.Get(ctx, p.name, 0, p.body.size)
	if err != nil {
		return false, err
	}
	defer there.Close()
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	mine := io.NewSectionReader(target.Inspect(p.body.r), 0, p.body.size)
	for {
		n, err := io.ReadFull(mine, a)
		if n == 0 {
			return err == io.EOF, nil
		}
		if _, err := io.ReadFull(there, b[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
	}
}
