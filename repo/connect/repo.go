package connect

import (
	"context"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
)

// A Repo is a repository with the targets that it was opened on. Where a method of package
// repo takes another repository, give it the field Repo of that.
type Repo struct {
	*repo.Repo
	Conn   *Conn       // to the repository's target
	Secret repo.Secret // that unlocked it

	replicas *replicas
}

// Close closes the repository, and then its targets.
func (r *Repo) Close() error {
	return errors.Join(r.Repo.Close(), r.replicas.close(), r.Conn.Close())
}

// Open opens a repository. The caller closes it. Options and what can be done with a
// repository are package repo's; replicas among the options are used beside those of the
// Config.
func Open(ctx context.Context, c Config, s Secret, o repo.Options) (*Repo, error) {
	conn, err := Target(ctx, c)
	if err != nil {
		return nil, err
	}
	others := &replicas{}
	for _, l := range c.Replicas {
		o.Replicas = append(o.Replicas[:len(o.Replicas):len(o.Replicas)], others.add(c, l))
	}
	r, secret, err := conn.Unlock(ctx, s.within(c), o)
	if err != nil {
		return nil, errors.Join(err, others.close(), conn.Close())
	}
	return &Repo{r, conn, secret, others}, nil
}

// Init makes a repository and opens it. The secret must be given, or asked for.
func Init(ctx context.Context, c Config, s Secret, o repo.InitOptions) (*Repo, error) {
	secret, given, err := s.within(c).Find(ctx)
	switch {
	case err != nil || given:
	case s.DefaultKeyFile != "":
		secret, err = Key(s.DefaultKeyFile)
	case s.Ask != nil:
		secret, err = s.Ask("a password for the new repository")
	default:
		err = at(c.Location, badConfig(ErrNoSecret))
	}
	if err != nil {
		return nil, err
	}
	c.Create = true
	conn, err := Target(ctx, c)
	if err != nil {
		return nil, err
	}
	r, err := repo.Init(ctx, conn.Target, secret, o)
	if err != nil {
		return nil, errors.Join(at(c.Location, err), conn.Close())
	}
	return &Repo{r, conn, secret, &replicas{}}, nil
}

// Unlock opens the repository on a target, and returns the secret that did, too. Closing the
// repository leaves the target open. No secret is missed or asked for where there is no
// repository. What is wrong with a secret's file or command is no *Error.
func (c *Conn) Unlock(ctx context.Context, s Secret, o repo.Options) (*repo.Repo, repo.Secret, error) {
	secret, given, err := s.Find(ctx)
	if err == nil && !given && s.DefaultKeyFile != "" {
		given = true
		secret, err = Key(s.DefaultKeyFile)
	}
	if err != nil || !given {
		if none := repo.Probe(ctx, c.Target); none != nil {
			return nil, repo.Secret{}, at(c.location, none)
		}
	}
	if err == nil && !given && s.Perhaps != nil {
		r, err := repo.Open(ctx, c.Target, *s.Perhaps, o)
		if !errors.Is(err, repo.ErrWrongSecret) {
			return r, *s.Perhaps, at(c.location, err)
		}
	}
	switch {
	case err != nil || given:
	case s.Ask == nil:
		err = at(c.location, badConfig(ErrNoSecret))
	default:
		secret, err = s.Ask("password for repository " + c.location.String())
	}
	if err != nil {
		return nil, repo.Secret{}, err
	}
	r, err := repo.Open(ctx, c.Target, secret, o)
	return r, secret, at(c.location, err)
}

// replicas are the targets of replicas that were opened so far.
type replicas struct {
	mu    sync.Mutex
	conns []*Conn
}

// add returns a replica that is opened when it is needed, with the repository's settings.
func (r *replicas) add(c Config, l Location) repo.Replica {
	c.Location, c.Create, c.ObjectLock = l, false, ""
	return repo.Replica{Name: l.String(), Open: func(ctx context.Context) (target.Target, error) {
		conn, err := Target(ctx, c)
		if e, ok := errors.AsType[*Error](err); ok {
			err = e.Err // the replica has a name
		}
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.conns = append(r.conns, conn)
		return conn.Target, nil
	}}
}

func (r *replicas) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, c := range r.conns {
		errs = append(errs, c.Close())
	}
	r.conns = nil
	return errors.Join(errs...)
}
