// Package rclone stores a repository's objects wherever the rclone command can: it runs
// "rclone serve webdav" while the target is open, and speaks WebDAV with it (package
// webdav).
//
// The server listens on this machine only, on a port that the system chooses. It requires
// a password that is made for it and that no command line shows. Close ends it. On Linux
// it always ends with this process; elsewhere it stays if this process is killed.
//
// rclone runs without a cache of the remote, so that several processes and hosts may use
// one repository. What they can rely on depends on the remote: WebDAV's create-only MOVE
// becomes a check followed by the remote's own move. If that is a copy and a deletion, as
// on S3 and most object stores, two clients that create one object at the same moment
// through two rclones can both succeed. CreateOnly is false there: use a target without
// rclone.
//
// If a directory of a remote has vanished, for example because a disk isn't mounted any
// more, rclone's server shows it as empty, without an error. So Open checks that it
// exists, and List does so before it returns nothing. For Get and Stat all objects are
// absent.
package rclone

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/webdav"
)

// Options say what rclone serves. All fields except Remote may be zero.
type Options struct {
	Remote  string        // in rclone's syntax, such as "remote:path"
	Create  bool          // create the path if it doesn't exist
	Command string        // "rclone" if empty
	Args    []string      // additional global flags of rclone, such as "--config=FILE"
	Timeout time.Duration // how long rclone may be silent: DefaultTimeout if zero
}

// DefaultTimeout is long enough for rclone to give up by itself if its remote doesn't
// answer.
const DefaultTimeout = 10 * time.Minute

// A Target is a remote of rclone's. It implements target.Target and target.SpaceReporter.
type Target struct {
	*webdav.Target
	remote   string
	server   *server
	look     func(context.Context) error // checks that the remote exists
	features func(context.Context) ([]byte, error)
}

// Open starts rclone and returns the target that it serves, once it answers. If the path
// doesn't exist on the remote and is not to be created, the error is fs.ErrNotExist. The
// context applies to opening only.
func Open(ctx context.Context, o Options) (*Target, error) {
	if o.Command == "" {
		o.Command = "rclone"
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Remote == "" || strings.HasPrefix(o.Remote, "-") {
		return nil, fmt.Errorf("rclone: %q is not a remote", o.Remote)
	}
	if err := o.look(ctx); err != nil {
		return nil, err
	}
	password := rand.Text()
	s, err := o.start(password)
	if err != nil {
		return nil, err
	}
	t := &Target{remote: o.Remote, server: s, look: o.look}
	t.features = func(ctx context.Context) ([]byte, error) { return o.run(ctx, "backend", "features", o.Remote) }
	if o.Create {
		t.look = func(context.Context) error { return nil }
	}
	if err := t.connect(ctx, password, o.Timeout); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return t, nil
}

// look checks that the path exists and is a directory.
func (o *Options) look(ctx context.Context) error {
	if o.Create {
		if _, err := o.run(ctx, "mkdir", o.Remote); err != nil {
			return err
		}
		return nil // a store without directories shows nothing yet
	}
	out, err := o.run(ctx, "lsjson", "--stat", o.Remote)
	if err != nil {
		return err
	}
	var info struct{ IsDir bool }
	if err := json.Unmarshal(out, &info); err != nil || !info.IsDir {
		return &fs.PathError{Op: "rclone", Path: o.Remote, Err: errors.New("not a directory")}
	}
	return nil
}

// run runs a short rclone command and returns its output.
func (o *Options) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.Command, append(append([]string{"--ask-password=false"}, o.Args...), args...)...)
	cmd.WaitDelay = time.Second
	said := newJournal()
	cmd.Stderr = said
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("rclone %s: %w", o.Remote, ctx.Err())
	}
	// Documented exit codes: 3 means directory not found, 4 means file not found.
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && (exit.ExitCode() == 3 || exit.ExitCode() == 4) {
		return nil, &fs.PathError{Op: "rclone", Path: o.Remote, Err: fs.ErrNotExist}
	}
	return nil, fmt.Errorf("rclone %s: %w", o.Remote, said.explain(err, 0))
}

// connect waits until the server has announced its address, and opens the target there.
func (t *Target) connect(ctx context.Context, password string, timeout time.Duration) error {
	patience := time.NewTimer(timeout)
	defer patience.Stop()
	var address string
	select {
	case address = <-t.server.address:
	case <-t.server.ended:
		return fmt.Errorf("rclone %s: %w", t.remote, t.server.journal.explain(t.server.err, 0))
	case <-patience.C:
		return fmt.Errorf("rclone %s: %w", t.remote, t.server.journal.explain(fmt.Errorf("not ready after %s", timeout), 0))
	case <-ctx.Done():
		return fmt.Errorf("rclone %s: %w", t.remote, ctx.Err())
	}
	if u, err := url.Parse(address); err != nil || u.Hostname() != host {
		return fmt.Errorf("rclone %s: rclone listens at %q instead of where it was told to", t.remote, address)
	}
	o := webdav.Options{URL: address, Timeout: timeout, Transport: &transport{server: t.server, remote: t.remote, Transport: &http.Transport{
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, ExpectContinueTimeout: time.Second, DisableCompression: true}}}
	_, err := webdav.Open(ctx, o)
	if err == nil {
		return fmt.Errorf("rclone %s: rclone accepts requests without its password", t.remote)
	}
	if e, ok := errors.AsType[*webdav.Error](err); !ok || e.Status != http.StatusUnauthorized {
		return err
	}
	o.User, o.Password = user, password
	t.Target, err = webdav.Open(ctx, o)
	return err
}

// List implements target.Target.
func (t *Target) List(ctx context.Context, prefix string) iter.Seq2[target.Info, error] {
	return func(yield func(target.Info, error) bool) {
		empty := true
		for info, err := range t.Target.List(ctx, prefix) {
			empty = false
			if !yield(info, err) {
				return
			}
		}
		if empty {
			if err := t.look(ctx); err != nil {
				yield(target.Info{}, err)
			}
		}
	}
}

// CreateOnly implements target.CreateOnlyReporter: whether the remote moves files itself, as
// rclone says, and so moves one to one place only.
func (t *Target) CreateOnly(ctx context.Context) (bool, error) {
	if yes, err := t.Target.CreateOnly(ctx); err != nil || !yes {
		return false, err
	}
	out, err := t.features(ctx)
	if err != nil {
		return false, err
	}
	var said struct{ Features struct{ Move bool } }
	if err := json.Unmarshal(out, &said); err != nil {
		return false, fmt.Errorf("rclone %s: rclone doesn't report the features of the remote: %w", t.remote, err)
	}
	return said.Features.Move, nil
}

// String returns the remote, for messages.
func (t *Target) String() string { return "rclone:" + t.remote }

// Close ends rclone. No other method may be called during or after it.
func (t *Target) Close() error {
	return errors.Join(t.Target.Close(), t.server.stop())
}

// environment returns the environment of rclone.
func environment(password string) []string {
	return append(os.Environ(), "RCLONE_USER="+user, "RCLONE_PASS="+password)
}
