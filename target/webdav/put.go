package webdav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"
)

// maxAttempts is how often a Put begins again after others have deleted its upload.
const maxAttempts = 5

// Put implements target.Target.
func (t *Target) Put(ctx context.Context, name string, r io.ReaderAt, size int64) error {
	if err := checkName(ctx, name); err != nil {
		return err
	}
	if t.maxUpload > 0 && size > t.maxUpload {
		return &Error{Op: "put", Name: name, Text: fmt.Sprintf("%d bytes are more than the %d that the server takes", size, t.maxUpload)}
	}
	if err := t.check(ctx); err != nil {
		return err
	}
	p := &put{t: t, name: name, body: &body{r: r, size: size}}
	defer p.body.stop()
	for attempt := range maxAttempts {
		err := p.attempt(ctx, attempt)
		if !errors.Is(err, errDeleted) {
			return err
		}
		if e, ok := errors.AsType[*Error](err); ok && attempt == maxAttempts-1 {
			return e // refused each time, whoever's upload it is
		}
	}
	return &Error{Op: "put", Name: name, Text: "the server loses what it takes, or somebody deletes each upload", temporary: true}
}

// errDeleted means that the upload is gone, and was not moved to its name.
var errDeleted = errors.New("the upload was deleted")

// A put is one call of Put.
type put struct {
	t      *Target
	name   string
	body   *body
	upload string // name of this attempt's upload, below the base
}

func (p *put) attempt(ctx context.Context, n int) error {
	p.upload = uploadName(p.name, n)
	err := p.send(ctx)
	if e, ok := errors.AsType[*Error](err); ok && upset(e.Status) {
		p.abandon(ctx)
		err = p.afterDeletion(ctx, err)
		if !errors.Is(err, fs.ErrExist) && p.isContested(ctx) {
			return fmt.Errorf("%w, perhaps by a rival that takes its time: %w", errDeleted, err)
		}
		return err
	}
	if err == nil {
		err = p.settleRivals(ctx)
	}
	if err == nil {
		err = p.publish(ctx)
	}
	if err == nil || errors.Is(err, fs.ErrExist) { // the upload is moved or deleted
		return err
	}
	p.abandon(ctx)
	if errors.Is(err, errDeleted) {
		return p.afterDeletion(ctx, err)
	}
	return err
}

// abandon deletes the upload if that is quick. A remaining upload costs only space. It
// remains, for example, if the server starts to store it after it was told to delete it.
func (p *put) abandon(ctx context.Context) {
	p.t.mu.Lock()
	p.t.abandoned[p.upload] = true
	p.t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(p.t.timeout, 5*time.Second))
	defer cancel()
	_, _ = p.t.remove(ctx, "put", p.name, p.upload)
}

// upset reports whether a server may have given this answer because another client
// deleted the file while it was incomplete, or about to be deleted: rclone does.
func upset(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusInternalServerError:
		return true
	}
	return false
}

// afterDeletion gives a rival that has deleted the upload some time to put the object.
func (p *put) afterDeletion(ctx context.Context, deleted error) error {
	pause := &pauses{50 * time.Millisecond, 500 * time.Millisecond}
	for {
		_, err := p.t.stat(ctx, "put", p.name)
		if err == nil {
			return &fs.PathError{Op: "put", Path: p.name, Err: fs.ErrExist}
		}
		if pause.over() || !errors.Is(err, fs.ErrNotExist) {
			return cmp.Or(ctx.Err(), deleted)
		}
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// expectAbove is the size from which the client waits for the server's consent before it
// sends the bytes.
const expectAbove = 1 << 20

// send uploads the bytes.
func (p *put) send(ctx context.Context) error {
	c := call{op: "put", name: p.name, method: http.MethodPut, url: p.t.url(p.upload), body: p.body,
		header: http.Header{"Content-Type": {"application/octet-stream"}}}
	if p.body.size > expectAbove {
		c.header.Set("Expect", "100-continue") // otherwise a broken connection can hide a refusal
	}
	for again := true; ; again = false {
		resp, err := p.t.send(ctx, c)
		if err != nil {
			return err
		}
		switch s := resp.StatusCode; {
		case s >= 200 && s < 300:
			discard(resp)
			return nil
		case s == http.StatusExpectationFailed && c.header.Get("Expect") != "":
			discard(resp)
			c.header.Del("Expect")
			again = true
		case busy(s):
			return p.awaitUpload(ctx, p.t.failed(c, resp))
		case again && (s == http.StatusNotFound || s == http.StatusConflict || s == http.StatusInternalServerError):
			discard(resp)
			if err := p.t.makeCollection(ctx, uploads); err != nil {
				return err
			}
		default:
			return p.t.failed(c, resp)
		}
	}
}

// busy reports whether an answer says that the server is still working, or that a proxy
// has got no answer yet.
func busy(status int) bool {
	return status == http.StatusLocked || status == http.StatusGatewayTimeout || status == 524
}

// awaitUpload waits until an upload is complete, instead of sending it again.
func (p *put) awaitUpload(ctx context.Context, failure error) error {
	for pause := p.t.pauses(); !pause.over(); {
		if err := pause.wait(ctx); err != nil {
			return err
		}
		info, err := p.t.stat(ctx, "put", p.upload)
		if err == nil && info.Size == p.body.size {
			return nil
		}
	}
	return failure
}
