package connect

import (
	"errors"
	"io"
	"os"
	"time"
)

// Once is a RetryFor that tries nothing again.
const Once time.Duration = -1

// A Config says where a target is and how it is reached. The zero value with a Location is
// useful. It is not changed, and may be used by any number of goroutines if its functions
// may.
type Config struct {
	// Location is where the target is.
	Location Location
	// Create makes the directory, or what stands for one, if it isn't there. Init sets
	// it.
	Create bool
	// Replicas are further targets with the same repository. Open reads from them what
	// can't be read at Location. They are opened when they are needed, with the same
	// settings.
	Replicas []Location

	// User, Password and Token are how the target's user logs in. WebDAV takes user and
	// password, or a token; the location's user comes before User, and if Password and
	// Token are empty, the environment and the user's netrc file are asked. S3 takes the
	// two keys as user and password, and a session token, or else what Amazon's tools
	// would find. SSH has KeyFiles, and rclone a configuration of its own.
	User, Password, Token string

	// CAFile is a file with certificates of authorities, in PEM form, that are trusted
	// to know the server instead of the system's; for HTTPS.
	CAFile string
	// Fingerprint is the SHA-256 of the server's own certificate in hexadecimal digits.
	// Exactly this certificate is trusted; for HTTPS.
	Fingerprint string
	// KnownHosts are files with the keys of SSH servers, and KeyFiles private keys to log
	// in with. Nil is what ssh uses.
	KnownHosts, KeyFiles []string

	// UploadRate and DownloadRate are how many bytes a second are sent and fetched at
	// most. Zero is no limit.
	UploadRate, DownloadRate int64
	// RetryFor is how long an operation that fails at a server, or on the way there, is
	// tried again: 15 minutes if zero, and not at all if Once.
	RetryFor time.Duration
	// ObjectLock is how long an s3:// target keeps each object from being deleted by
	// anyone, such as 30d: as object-lock= in the location.
	ObjectLock string
	// CountTraffic has Conn.Traffic count requests and bytes.
	CountTraffic bool

	// Schemes are known beside those that are built in, and come before these.
	Schemes map[string]Scheme
	// Getenv returns the value of an environment variable. Nil is os.Getenv.
	Getenv func(name string) string
	// Ask asks a person for a text that the screen doesn't show, such as the passphrase of
	// an SSH key; what names it. If Ask is nil, nobody is asked.
	Ask func(what string) (string, error)
	// Waiting is called before each pause, by any goroutine. Nil ignores pauses.
	Waiting func(Wait)
	// Warn is called with each oddity that doesn't keep the target from being used but
	// should be mended, by any goroutine. Nil ignores them.
	Warn func(error)
	// Stderr is where password commands complain. If it is nil, an error quotes the last
	// line of that.
	Stderr io.Writer
}

// String returns the location: printing a Config shows no secret.
func (c Config) String() string { return c.Location.String() }

// Check returns what in a configuration can't work, as far as that shows without reaching
// for the target.
func (c Config) Check() error {
	_, err := c.endpoint()
	return err
}

// endpoint reads the location, and checks the rest.
func (c Config) endpoint() (Endpoint, error) {
	e, err := c.Location.read()
	if err == nil {
		_, err = c.scheme(e)
	}
	if err != nil { // which names the location
		return Endpoint{}, badConfig(err)
	}
	switch {
	case c.UploadRate < 0 || c.DownloadRate < 0:
		err = errors.New("a rate can't be negative")
	case c.RetryFor < 0 && c.RetryFor != Once:
		err = errors.New("RetryFor can't be negative, unless it is Once")
	default:
		err = c.lockObjects(&e)
	}
	c.fill()
	e.Config = c
	return e, at(c.Location, badConfig(err))
}

// lockObjects puts ObjectLock into the URL.
func (c Config) lockObjects(e *Endpoint) error {
	if c.ObjectLock == "" {
		return nil
	}
	if e.Scheme != "s3" || e.URL == nil {
		return errors.New("objects can't be locked there: only s3:// repositories have object locks")
	}
	u := *e.URL
	q := u.Query()
	q.Set("object-lock", c.ObjectLock)
	u.RawQuery = q.Encode()
	e.URL = &u
	return nil
}

func (c *Config) fill() {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.CAFile == "" {
		c.CAFile = c.Getenv("QSNAP_TARGET_CA_FILE")
	}
	if c.Fingerprint == "" {
		c.Fingerprint = c.Getenv("QSNAP_TARGET_FINGERPRINT")
	}
	if c.Waiting == nil {
		c.Waiting = func(Wait) {}
	}
	if c.Warn == nil {
		c.Warn = func(error) {}
	}
}
