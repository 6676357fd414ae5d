package webdav

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"
)

// uploads is the collection of uploads without a final name. Its name is not that of an
// object.
const uploads = "_uploads"

// rivalPatience is how long a rival with a lesser id may take to move its upload.
const rivalPatience = 10 * time.Second

// rivalKey begins the names of all uploads for an object.
func rivalKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%s/%x_", uploads, sum[:8])
}

// uploadName returns a new name for an upload. Later attempts have greater ids, so that a
// client that begins again waits for clients that have not.
func uploadName(name string, attempt int) string {
	return rivalKey(name) + fmt.Sprint(attempt) + strings.ToLower(rand.Text())
}

// settleRivals returns nil when no other upload can be moved to this name by a MOVE that
// was not finished before. The package's documentation says why.
func (p *put) settleRivals(ctx context.Context) error {
	for pause := (&pauses{50 * time.Millisecond, p.t.patience}); ; {
		rivals, err := p.rivals(ctx)
		if err != nil {
			return err
		}
		wait := false
		for _, r := range rivals {
			wait = wait || r < p.upload && !p.t.isAbandoned(r)
		}
		if !wait || pause.over() {
			for _, r := range rivals {
				if _, err := p.t.remove(ctx, "put", p.name, r); err != nil {
					return err
				}
			}
			return nil
		}
		if err := pause.wait(ctx); err != nil {
			return err
		}
	}
}

// isContested reports whether there are uploads of others for the same name.
func (p *put) isContested(ctx context.Context) bool {
	key := rivalKey(p.name)
	found, err := p.t.children(ctx, "put", p.name, uploads, func(name string) bool {
		return strings.HasPrefix(name, key) && !p.t.isAbandoned(name)
	})
	return err == nil && len(found) > 0
}

// isAbandoned reports whether an upload is one that this Target will not move any more.
func (t *Target) isAbandoned(upload string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.abandoned[upload]
}

// rivals returns the other uploads for the same name. This upload must be listed,
// completely, because otherwise the list of others can't be relied on.
func (p *put) rivals(ctx context.Context) ([]string, error) {
	key := rivalKey(p.name)
	found, err := p.t.children(ctx, "put", p.name, uploads, func(name string) bool {
		return strings.HasPrefix(name, key) || p.t.isAbandoned(name)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errDeleted
	}
	if err != nil {
		return nil, err
	}
	var rivals []string
	mine := false
	for _, e := range found {
		switch name := uploads + "/" + e.name; {
		case name == p.upload:
			mine = true
			if e.size < 0 {
				if e.size, err = p.t.head(ctx, "put", name); err != nil {
					return nil, err
				}
			}
			if e.size != p.body.size {
				return nil, &Error{Op: "put", Name: p.name, temporary: true,
					Text: fmt.Sprintf("the server took %d bytes and has %d", p.body.size, e.size)}
			}
		case strings.HasPrefix(name, key):
			rivals = append(rivals, name)
		default: // an upload of this Target that reappeared after it was deleted
			_, _ = p.t.remove(ctx, "put", p.name, name)
		}
	}
	if !mine {
		return nil, errDeleted
	}
	return rivals, nil
}

// CreateOnly implements target.CreateOnlyReporter. Where the server replaces what it was told to
// keep, and so every Put fails, it is ErrOverwrites.
func (t *Target) CreateOnly(ctx context.Context) (bool, error) {
	err := t.check(ctx)
	return err == nil, err
}

// check determines, before the first Put, whether the server can be relied on, and
// records the result.
func (t *Target) check(ctx context.Context) error {
	select {
	case t.checking <- struct{}{}:
		defer func() { <-t.checking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.checkedIt {
		return t.checked
	}
	err := t.tryOverwriting(ctx)
	if err == nil || errors.Is(err, ErrOverwrites) {
		t.checkedIt, t.checked = true, err
	}
	return err
}

// tryOverwriting moves a small file onto another and checks that both stay.
func (t *Target) tryOverwriting(ctx context.Context) (err error) {
	if err := t.makeCollection(ctx, uploads); err != nil {
		return err
	}
	where := t.base.String()
	var files []string
	defer func() {
		if tidied := t.removeFiles(ctx, files); err == nil {
			err = tidied
		}
	}()
	for i, text := range []string{"22", "1"} {
		name := uploadName("check", i)
		c := call{op: "check", name: where, method: http.MethodPut, url: t.url(name), text: text}
		resp, err := t.send(ctx, c)
		if err != nil {
			return err
		}
		if resp.StatusCode >= 300 {
			err := t.failed(c, resp)
			if e, ok := errors.AsType[*Error](err); ok && errors.Is(e.Err, fs.ErrNotExist) {
				e.Text, e.Err = "it has collections, but they take no files", fs.ErrPermission
			}
			return err
		}
		discard(resp)
		files = append(files, name)
	}
	status, err := t.move(ctx, "check", where, files[0], files[1])
	if status == http.StatusBadRequest || status == http.StatusBadGateway {
		// Behind a proxy the server may not recognize its own address.
		t.pathDestination = true
		status, err = t.move(ctx, "check", where, files[0], files[1])
	}
	if err == nil {
		return &Error{Op: "check", Name: where, Text: ErrOverwrites.Error(), Err: ErrOverwrites}
	}
	if status != http.StatusPreconditionFailed {
		return err
	}
	found, err := t.children(ctx, "check", where, uploads, func(name string) bool { return slices.Contains(files, name) })
	if err != nil {
		return err
	}
	for _, e := range found {
		if uploads+"/"+e.name == files[1] && e.size == 2 {
			return &Error{Op: "check", Name: where, Text: ErrOverwrites.Error(), Err: ErrOverwrites}
		}
	}
	if len(found) != 2 {
		return &Error{Op: "check", Name: where, Text: "the server doesn't list what it has just taken: a repository here would not be safe", temporary: true}
	}
	return nil
}

// removeFiles deletes the files of a check, even if the check was cancelled.
func (t *Target) removeFiles(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(t.timeout, 5*time.Second))
	defer cancel()
	for _, name := range names {
		if _, err := t.remove(ctx, "check", t.base.String(), name); err != nil {
			return err
		}
	}
	return nil
}

// RemoveUploads deletes all uploads, which crashed clients leave behind, and returns how
// many there were. A running Put begins again. It fails only if RemoveUploads is called
// again and again, and nothing is lost.
func (t *Target) RemoveUploads(ctx context.Context) (removed int, err error) {
	found, err := t.children(ctx, "list", uploads+"/", uploads, func(string) bool { return true })
	if errors.Is(err, fs.ErrNotExist) {
		_, err := t.lookup(ctx, "list", "")
		return 0, err
	}
	if err != nil {
		return 0, err
	}
	for _, e := range found {
		if e.dir || !strings.Contains(e.name, "_") {
			continue // not ours
		}
		was, err := t.remove(ctx, "remove upload", e.name, uploads+"/"+e.name)
		if err != nil {
			return removed, err
		}
		if was {
			removed++
		}
	}
	return removed, nil
}
