package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

func (p *program) options(c *cli.Context) repo.Options {
	return repo.Options{Hostname: p.thisHost(), CacheDir: c.String("cache-dir"), CacheSize: p.cacheSize, CacheMemory: p.cacheMemory, Warn: p.warnUnsafe}
}

// cacheSizeFlag returns the size that --cache-size gives, as in repo.Options.
func cacheSizeFlag(c *cli.Context) (*int64, error) {
	if !c.IsSet("cache-size") {
		return nil, nil
	}
	n, err := term.ParseSize(c.String("cache-size"))
	if err != nil {
		return nil, fmt.Errorf("--cache-size: %w", err)
	}
	return &n, nil
}

// open opens the repository.
func (p *program) open(c *cli.Context) (*repo.Repo, error) {
	at, err := p.repository(c)
	if err != nil {
		return nil, err
	}
	r, err := p.openAt(c, at)
	if errors.Is(err, repo.ErrNoRepository) && at.keyFile != "" {
		return nil, hint{err, "\"qsnap snapshot DIR\" makes one there, or name another with --repo"}
	}
	return r, err
}

func (p *program) openAt(c *cli.Context, at repoRef) (*repo.Repo, error) {
	r, _, err := p.openKnowing(c, at)
	return r, err
}

// openKnowing opens a repository, and returns the secret that opened it as well.
func (p *program) openKnowing(c *cli.Context, at repoRef) (*repo.Repo, repo.Secret, error) {
	t, err := p.openTarget(c, at, false)
	if err != nil {
		return nil, repo.Secret{}, p.explain(at, err)
	}
	s := p.secret(c, "", "QSNAP_")
	s.DefaultKeyFile = at.keyFile
	o := p.options(c)
	o.Replicas = p.replicas(c)
	r, secret, err := t.Unlock(c.Context, s, o)
	return r, secret, p.explainUnlock(at, err)
}

// explainUnlock explains an error about the repository. An error about the file or command
// of a secret stays as it is.
func (p *program) explainUnlock(at repoRef, err error) error {
	if e, ok := errors.AsType[*connect.Error](err); ok {
		return p.explain(at, e.Err)
	}
	return err
}

// explain adds to an error of opening a repository where that is, and what to do.
func (p *program) explain(at repoRef, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, repo.ErrNoRepository):
		if !strings.HasPrefix(err.Error(), at.shown) {
			err = fmt.Errorf("%s: %w", at.shown, err)
		}
		if errors.Is(err, repo.ErrUnfinished) {
			return hint{err, fmt.Sprintf("complete it with \"qsnap init %s\" and the same password or key; with another one, empty it first", at.flag())}
		}
		if at.profile != "" {
			return hint{err, fmt.Sprintf("is a disk not mounted? \"qsnap init %s\" makes one", at.flag())}
		}
		if at.keyFile == "" {
			return hint{err, fmt.Sprintf("check the name, or make one with \"qsnap init %s\"", at.flag())}
		}
		return err
	case errors.Is(err, repo.ErrNoConfig):
		return hint{fmt.Errorf("%s: %w", at.shown, err), "everything else may be intact: put \"config\" back from a copy of the repository or from a replica, where it has the same bytes, and do not make a repository here"}
	case errors.Is(err, repo.ErrOccupied):
		return hint{fmt.Errorf("%s: %w", at.shown, err), "name an empty or a new directory"}
	case errors.Is(err, repo.ErrWrongSecret):
		return hint{fmt.Errorf("%s: %w", at.shown, err), "check where it comes from: --password-file, --password-command, --key-file or the QSNAP_ variables"}
	}
	return fmt.Errorf("%s: %w", at.shown, err)
}

// openOrCreate opens the repository, and makes the default one at its first use.
func (p *program) openOrCreate(c *cli.Context) (*repo.Repo, error) {
	at, err := p.repository(c)
	if err != nil {
		return nil, err
	}
	r, err := p.openAt(c, at)
	if at.keyFile == "" || !errors.Is(err, repo.ErrNoRepository) {
		return r, err
	}
	secret, given, err := p.secret(c, "", "QSNAP_").Find(c.Context)
	if err == nil && !given {
		secret, err = makeKeyFile(at.keyFile)
	}
	if err != nil {
		return nil, err
	}
	t, err := p.openTarget(c, at, true)
	if err != nil {
		return nil, err
	}
	if r, err = repo.Init(c.Context, t.Target, secret, repo.InitOptions{Options: p.options(c)}); err != nil {
		return nil, p.explain(at, err)
	}
	p.note("made a repository for your snapshots: %s", at.shown)
	if !given {
		p.note("and the key that opens it:            %s", at.keyFile)
		p.note("Without this key nobody can read the snapshots. Keep a copy elsewhere:")
		p.note("\"qsnap key export\" prints a recovery sheet.")
	}
	return r, nil
}

// makeKeyFile returns the key in a file, and writes a new one if there is none.
func makeKeyFile(name string) (repo.Secret, error) {
	if _, err := os.Stat(name); err == nil {
		return connect.Key(name)
	}
	text, err := repo.NewKey()
	if err != nil {
		return repo.Secret{}, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return repo.Secret{}, err
	}
	text = "# The key of a qsnap repository. Anyone who has it can read all its snapshots;\n" +
		"# without it nobody can. Keep a copy in another place.\n" + text
	if err := writeNewFile(name, text); err != nil {
		return repo.Secret{}, err
	}
	return connect.Key(name)
}

// writeNewFile writes a file that only the user can read. The file must not exist yet.
func writeNewFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// warnUnsafe prints a warning about a target that weakens a guarantee. It ignores the other
// warnings of the repository: close reports reads from a replica, and a cache or lease that
// can't be written costs only time.
func (p *program) warnUnsafe(err error) {
	if errors.Is(err, repo.ErrNotCreateOnly) {
		err = hint{err, "an interrupted snapshot may stay pending until \"qsnap prune --drop-pending\", and two runs must not rotate the key at once"}
		p.warn("warning: %s", term.OneLine(err))
	}
}
