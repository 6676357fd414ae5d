package webdav

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target"
)

// Options say where objects are kept, and how the server is talked to. All but URL
// may be zero.
type Options struct {
	// URL is that of a collection: http or https. A user and password in it count as
	// if they were given below. By http, who is on the way reads along what is not
	// sealed, and the password if the server wants it as "basic".
	URL string
	// Create makes the collection, with its parents, if it isn't there.
	Create bool

	User, Password string // for basic or digest authentication, as the server asks
	Bearer         string // a token; it is sent at once

	// CAFile names a file with certificates of authorities in PEM form, which are
	// trusted beside those in RootCAs. If both are unset those of the system are.
	CAFile  string
	RootCAs *x509.CertPool
	// Fingerprint is the SHA-256 of the server's own certificate, in hexadecimal
	// digits. That very certificate is trusted, whoever it comes from and whatever
	// is in it, and no other.
	Fingerprint string

	// Timeout is how long the server may be silent, and how long Put waits for one
	// that says that it is still busy with the object. Two minutes if zero.
	Timeout time.Duration
	// MaxUpload is the size of the largest object that the server takes, where that is
	// known (500 MB on Nutstore). Larger ones are refused before they are sent.
	MaxUpload int64
	// Budget is how many requests the server takes.
	Budget Budget

	// Transport sends the requests, if set; it sees to certificates itself.
	Transport http.RoundTripper
	// Now tells the time. Nil is time.Now.
	Now func() time.Time
}

// DefaultTimeout is how long a server may be silent if nothing else is said.
const DefaultTimeout = 2 * time.Minute

// A Target is a collection on a WebDAV server. It implements target.Target and
// target.SpaceReporter.
type Target struct {
	base      *url.URL // its path ends in a slash
	hrefs     string   // the path that the server itself gives for base, cleaned
	transport http.RoundTripper
	auth      *authorizer
	pacer     *pacer
	timeout   time.Duration
	patience  time.Duration // with rivals
	maxUpload int64
	now       func() time.Time

	checking        chan struct{} // has room for who finds out the next two
	checked         error         // ErrOverwrites, or nil
	checkedIt       bool
	pathDestination bool // MOVE wants a path instead of a URL

	mu        sync.Mutex
	abandoned map[string]bool // uploads of failed Puts
}

// Open returns the target that is kept in a collection. If that isn't there, and is
// not to be made, the error is fs.ErrNotExist.
func Open(ctx context.Context, o Options) (*Target, error) {
	t, err := newTarget(o)
	if err != nil {
		return nil, err
	}
	err = t.find(ctx)
	if errors.Is(err, fs.ErrNotExist) && o.Create {
		if err = t.makeBase(ctx); err == nil {
			err = t.find(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func newTarget(o Options) (*Target, error) {
	base, err := url.Parse(o.URL)
	if err != nil { // which repeats the URL, and so the password
		return nil, errors.New("webdav: the address is no URL")
	}
	if base.User != nil {
		o.User = base.User.Username()
		o.Password, _ = base.User.Password()
		base.User = nil
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("webdav: %q is not the address of a collection, which is like https://host/path and has nothing behind", base.Scheme+"://"+base.Host+base.Path)
	}
	if !strings.HasSuffix(base.Path, "/") {
		base = base.JoinPath("/")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	transport, err := o.newTransport()
	if err != nil {
		return nil, err
	}
	pacer, err := newPacer(o.Budget, o.Now)
	if err != nil {
		return nil, err
	}
	return &Target{
		base: base, transport: transport, pacer: pacer, now: o.Now,
		auth:    &authorizer{user: o.User, password: o.Password, bearer: o.Bearer},
		timeout: o.Timeout, patience: min(rivalPatience, o.Timeout), maxUpload: o.MaxUpload,
		checking: make(chan struct{}, 1), abandoned: map[string]bool{},
	}, nil
}

// String returns the address of the collection, for messages.
func (t *Target) String() string { return t.base.String() }

// Close releases connections that are kept for the next request. It can be left out.
func (t *Target) Close() error {
	if c, ok := t.transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// url returns the address of an object, or of a collection if name ends in a slash.
func (t *Target) url(name string) *url.URL {
	u := *t.base
	u.Path += name // which nothing has to be escaped in
	if u.RawPath != "" {
		u.RawPath += name
	}
	return &u
}

// find makes sure that the base is a collection, and learns what the server calls it.
func (t *Target) find(ctx context.Context) error {
	c := call{op: "open", name: t.base.String(), url: t.base}
	found := 0
	u, err := t.propfind(ctx, c, "0", func(p string, r resource) error {
		found++
		if t.hrefs = p; !r.dir {
			return errors.New("it is no collection")
		}
		return nil
	})
	if err == nil && found != 1 {
		err = t.nonsense(c, "says nothing of the collection")
	}
	if err != nil {
		return err
	}
	t.base = u
	return nil
}

// checkName returns an error unless the target keeps objects of that name.
func checkName(ctx context.Context, name string) error {
	if err := target.ValidName(name); err != nil {
		return err
	}
	return ctx.Err()
}
