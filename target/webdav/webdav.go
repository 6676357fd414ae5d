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

// Options say where objects are stored and how to reach the server. All fields except URL
// may be zero.
type Options struct {
	// URL is the URL of a collection: http or https. A user and password in it count as if
	// they were given below. With http, anyone on the network path can read whatever is not
	// sealed, and the password if the server requests "basic".
	URL string
	// Create makes the collection and its parents if needed.
	Create bool

	User, Password string // for basic or digest authentication, as the server asks
	Bearer         string // a token; it is sent at once

	// CAFile is a file with certificates of authorities in PEM form, which are trusted in
	// addition to those in RootCAs. If both are unset, the system's are trusted.
	CAFile  string
	RootCAs *x509.CertPool
	// Fingerprint is the SHA-256 of the server's own certificate, in hexadecimal digits.
	// Exactly that certificate is trusted, whatever its issuer and contents, and no other.
	Fingerprint string

	// Timeout is how long the server may be silent, and how long Put waits for a server
	// that says that it is still busy with the object. Zero means two minutes.
	Timeout time.Duration
	// MaxUpload is the size of the largest object that the server accepts, if that is known
	// (500 MB on Nutstore). Larger ones are refused before they are sent.
	MaxUpload int64
	// Budget limits the requests.
	Budget Budget

	// Transport sends the requests, if set; it must check certificates itself.
	Transport http.RoundTripper
	// Now returns the time. Nil means time.Now.
	Now func() time.Time
}

// DefaultTimeout is how long a server may be silent by default.
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
	patience  time.Duration // how long to wait for rivals
	maxUpload int64
	now       func() time.Time

	checking        chan struct{} // held by the goroutine that determines the next two fields
	checked         error         // ErrOverwrites, or nil
	checkedIt       bool
	pathDestination bool // MOVE requires a path instead of a URL

	mu        sync.Mutex
	abandoned map[string]bool // uploads of failed Puts
}

// Open returns the target in a collection. If the collection doesn't exist, and is not to
// be created, the error is fs.ErrNotExist. Package repo/connect
// opens a target whose failed operations are repeated.
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
	if err != nil { // the error repeats the URL, and so the password
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

// Close closes idle connections. It is optional.
func (t *Target) Close() error {
	if c, ok := t.transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// url returns the address of an object, or of a collection if name ends in a slash.
func (t *Target) url(name string) *url.URL {
	u := *t.base
	u.Path += name // names need no escaping
	if u.RawPath != "" {
		u.RawPath += name
	}
	return &u
}

// find checks that the base is a collection, and learns the path that the server uses for
// it.
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

// checkName returns an error unless the target can store objects of that name.
func checkName(ctx context.Context, name string) error {
	if err := target.ValidName(name); err != nil {
		return err
	}
	return ctx.Err()
}
