package webdav

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/qsnap/qsnap/target"
)

// remove deletes a file, and reports whether it existed.
func (t *Target) remove(ctx context.Context, op, name, file string) (bool, error) {
	c := call{op: op, name: name, method: http.MethodDelete, url: t.url(file)}
	resp, err := t.sendUnlocked(ctx, c)
	if err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		discard(resp)
		return true, nil
	case http.StatusNotFound, http.StatusGone, http.StatusConflict:
		discard(resp)
		return false, nil
	}
	status, err := resp.StatusCode, t.failed(c, resp)
	if upset(status) {
		if _, gone := t.stat(ctx, op, file); errors.Is(gone, fs.ErrNotExist) {
			return false, nil
		}
	}
	return false, err
}

// Delete implements target.Target. It looks first whether the name is an object's: to
// delete a collection would delete all that is in it.
func (t *Target) Delete(ctx context.Context, name string) error {
	if err := checkName(ctx, name); err != nil {
		return err
	}
	if _, err := t.stat(ctx, "delete", name); err != nil {
		return err
	}
	deleted, err := t.remove(ctx, "delete", name, name)
	if err == nil && !deleted {
		err = &fs.PathError{Op: "delete", Path: name, Err: fs.ErrNotExist}
	}
	return err
}

// Space implements target.SpaceReporter (RFC 4331). Many servers don't tell, which is
// errors.ErrUnsupported.
func (t *Target) Space(ctx context.Context) (free, total int64, err error) {
	c := call{op: "ask for space", name: t.base.String(), url: t.base, text: quotaBody}
	r := resource{free: -1, used: -1}
	if _, err := t.propfind(ctx, c, "0", func(_ string, got resource) error { r = got; return nil }); err != nil {
		return 0, 0, err
	}
	if r.free < 0 || r.used < 0 {
		return 0, 0, fmt.Errorf("%s doesn't tell its space: %w", t, errors.ErrUnsupported)
	}
	return r.free, r.free + r.used, nil
}

const quotaBody = `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
	`<propfind xmlns="DAV:"><prop><resourcetype/><quota-available-bytes/><quota-used-bytes/></prop></propfind>`

var _ target.SpaceReporter = (*Target)(nil)
