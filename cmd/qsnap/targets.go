package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/rclone"
)

// A scheme is a sort of targets that locations name.
type scheme struct {
	open   func(ctx context.Context, at location, a access) (target.Target, error)
	remote bool // a network lies between: what fails there is tried again
	// silence is how long it may take without a word, where that isn't the usual.
	silence time.Duration
}

// An access is what opening a target takes, beside where it is.
type access struct {
	create              bool   // it may be made
	caFile, fingerprint string // how its server is known, if the user said so
	// credentials returns what the environment and the netrc file say of the user.
	credentials func() (credentials, error)
	// ask returns what the user types, unseen, such as a key's passphrase.
	ask func(what string) (string, error)
	// waiting is told of a pause that the target makes on purpose.
	waiting func(time.Duration)
}

// schemes are all sorts there are. A location without a scheme is local.
var schemes = map[string]scheme{
	"local":   {open: openLocal},
	"sftp":    {open: openSFTP, remote: true},
	"s3":      {open: openS3, remote: true},
	"webdav":  {open: openWebDAV, remote: true},
	"webdavs": {open: openWebDAV, remote: true},
	"rclone":  {open: openRclone, remote: true, silence: rclone.DefaultTimeout + time.Minute},
}

func openLocal(_ context.Context, at location, a access) (target.Target, error) {
	if a.create {
		return local.Create(at.rest)
	}
	t, err := local.Open(at.rest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", at.rest, repo.ErrNoRepository)
	}
	return t, err
}

// kind returns the sort of targets that a location names.
func (l location) kind() (scheme, error) {
	if s, ok := schemes[cmp.Or(l.scheme, "local")]; ok {
		return s, nil
	}
	err := fmt.Errorf("%q: nothing is known of %s: targets, only of %s", l.shown, l.scheme, strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	if l.url == nil {
		return scheme{}, hint{err, "a directory with such a name is written ./" + l.shown}
	}
	return scheme{}, err
}

// directory returns the directory that the location is, or nothing.
func (l location) directory() string {
	if l.scheme == "" || l.scheme == "local" {
		return l.rest
	}
	return ""
}

// openTarget opens the target at a location, which may be made, with what the flags
// ask for around it.
func (p *program) openTarget(c *cli.Context, at location, create bool) (target.Target, error) {
	s, err := at.kind()
	if err != nil {
		return nil, err
	}
	l, err := p.line(c, s.remote)
	if err != nil {
		return nil, err
	}
	l.silence = s.silence
	a := access{create: create, caFile: c.String("ca-file"), fingerprint: c.String("fingerprint"), ask: p.ask}
	say := p.sayWaits()
	a.waiting = func(d time.Duration) {
		say(fmt.Sprintf("%s takes no more requests for now: waiting for %s", at, duration(d)))
	}
	a.credentials = func() (credentials, error) {
		found, err := p.targetCredentials(c.Context, at)
		return found, usage(err)
	}
	p.opened = true
	var t target.Target
	err = l.do(c.Context, "open", at.shown, func(ctx context.Context) error {
		t, err = s.open(ctx, at, a)
		return err
	})
	if isAway(err) {
		return nil, judged{err, errAway}
	}
	if err != nil {
		return nil, err
	}
	if closer, ok := t.(io.Closer); ok {
		p.closers = append(p.closers, closer)
	}
	return l.around(p.count(at, t)), nil
}

// closeTargets ends what openTarget has opened.
func (p *program) closeTargets() error {
	var errs []error
	for _, c := range p.closers {
		errs = append(errs, c.Close())
	}
	p.closers = nil
	return errors.Join(errs...)
}
