package webdav

import (
	"context"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// makeBase makes the base collection and its parents.
func (t *Target) makeBase(ctx context.Context) error {
	u := *t.base
	u.RawPath = ""
	missing := []string{}
	for dir := u.Path; dir != "/"; dir = path.Dir(strings.TrimSuffix(dir, "/")) {
		u.Path = strings.TrimSuffix(dir, "/") + "/"
		made := u
		status, err := t.mkcol(ctx, &made, t.base.String())
		if err == nil {
			break
		}
		if status != http.StatusConflict && status != http.StatusNotFound {
			return err
		}
		missing = append(missing, u.Path)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		u.Path = missing[i]
		if _, err := t.mkcol(ctx, &u, t.base.String()); err != nil {
			return err
		}
	}
	return nil
}

// makeCollection makes a collection below the base, and its parents. It never makes the
// base: a store that has vanished must not come back empty.
func (t *Target) makeCollection(ctx context.Context, dir string) error {
	for range 2 {
		status, err := t.mkcol(ctx, t.url(dir+"/"), dir)
		if err == nil {
			return nil
		}
		if status != http.StatusConflict && status != http.StatusNotFound {
			return err
		}
		parent := path.Dir(dir)
		if parent == "." {
			return &Error{Op: "make", Name: dir, Status: status, Text: "the collection " + t.base.String() + " is gone", Err: fs.ErrNotExist}
		}
		if err := t.makeCollection(ctx, parent); err != nil {
			return err
		}
	}
	return &Error{Op: "make", Name: dir, Text: "the server doesn't know the collection it has just made around it"}
}

// mkcol makes one collection. An existing collection is no error.
func (t *Target) mkcol(ctx context.Context, u *url.URL, name string) (status int, err error) {
	c := call{op: "make", name: name, method: "MKCOL", url: u}
	resp, err := t.sendUnlocked(ctx, c)
	if err != nil {
		return 0, err
	}
	switch resp.StatusCode {
	case http.StatusCreated, http.StatusOK, http.StatusNoContent, http.StatusMethodNotAllowed:
		discard(resp)
		return resp.StatusCode, nil
	case http.StatusForbidden, http.StatusInternalServerError:
		// Apache answers the same if another client makes the collection at the same
		// moment.
		found := false
		_, err := t.propfind(ctx, call{op: "make", name: name, url: u}, "0", func(_ string, r resource) error {
			found = r.dir
			return nil
		})
		if err == nil && found {
			discard(resp)
			return resp.StatusCode, nil
		}
	}
	return resp.StatusCode, t.failed(c, resp)
}

// sendUnlocked sends a call, and repeats it while the server says that something is
// locked.
func (t *Target) sendUnlocked(ctx context.Context, c call) (*http.Response, error) {
	pause := t.pauses()
	for {
		resp, err := t.send(ctx, c)
		if err != nil || resp.StatusCode != http.StatusLocked || pause.over() {
			return resp, err
		}
		discard(resp)
		if err := pause.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// pauses are increasing waits, for as long as a server may be busy.
type pauses struct {
	next, left time.Duration
}

func (t *Target) pauses() *pauses { return &pauses{20 * time.Millisecond, t.timeout} }

// over reports whether the time is used up.
func (p *pauses) over() bool { return p.left <= 0 }

func (p *pauses) wait(ctx context.Context) error {
	d := min(p.next, p.left)
	p.left -= d
	p.next = min(2*p.next, 5*time.Second)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
