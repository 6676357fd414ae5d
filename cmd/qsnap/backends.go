package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/rclone"
	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/sftp"
	"github.com/qsnap/qsnap/target/webdav"
)

// absent says that there is no repository where a server has no such directory.
func absent(at location, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", at.shown, repo.ErrNoRepository)
	}
	return err
}

func openSFTP(ctx context.Context, at location, a access) (target.Target, error) {
	if at.url == nil {
		return nil, usage(hint{fmt.Errorf("%q has no host", at.shown), "write sftp://USER@HOST/DIRECTORY"})
	}
	t, err := sftp.Open(ctx, sftp.Options{
		URL: at.url.String(), Create: a.create,
		Passphrase: func(keyFile string) ([]byte, error) {
			typed, err := a.ask("passphrase for " + keyFile)
			return []byte(typed), err
		},
	})
	if err != nil {
		return nil, absent(at, err)
	}
	return t, nil
}

func openS3(ctx context.Context, at location, a access) (target.Target, error) {
	if at.url == nil {
		return nil, usage(hint{fmt.Errorf("%q has no bucket", at.shown), "write s3://BUCKET/PREFIX?endpoint=HOST"})
	}
	o, err := s3.ParseURL(at.url.String())
	if err != nil {
		return nil, usage(err)
	}
	if a.caFile != "" || a.fingerprint != "" {
		c, err := trust(a.caFile, a.fingerprint)
		if err != nil {
			return nil, usage(err)
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = c
		o.Transport = transport
	}
	t, err := s3.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openWebDAV opens webdav:// over HTTP and webdavs:// over HTTPS. The URL may say how
// many requests the server takes: ?requests=600&per=30m.
func openWebDAV(ctx context.Context, at location, a access) (target.Target, error) {
	if at.url == nil {
		return nil, usage(hint{fmt.Errorf("%q has no host", at.shown), "write webdavs://USER@HOST/DIRECTORY"})
	}
	who, err := a.credentials()
	if err != nil {
		return nil, err
	}
	u := *at.url
	u.Scheme, u.User = map[string]string{"webdav": "http", "webdavs": "https"}[at.scheme], nil
	o := webdav.Options{
		Create: a.create, User: who.user, Password: who.password, Bearer: who.token,
		CAFile: a.caFile, Fingerprint: a.fingerprint,
	}
	if o.Budget, o.MaxUpload, err = webdavLimits(u.Query(), u.Hostname()); err != nil {
		return nil, usage(fmt.Errorf("%s: %w", at.shown, err))
	}
	o.Budget.Waiting = a.waiting
	u.RawQuery = ""
	o.URL = u.String()
	t, err := webdav.Open(ctx, o)
	if err != nil {
		return nil, absent(at, err)
	}
	return t, nil
}

// nutstore is a server whose limits are known: 600 requests in 30 minutes of those
// who don't pay, and 500 MB in one upload.
const nutstore = "dav.jianguoyun.com"

// webdavLimits reads what a URL says of its server's limits.
func webdavLimits(q url.Values, host string) (b webdav.Budget, maxUpload int64, err error) {
	requests, per := q.Get("requests"), q.Get("per")
	if host == nutstore {
		maxUpload = 500_000_000
		if requests == "" {
			requests, per = "600", "30m"
		}
	}
	for name := range q {
		if name != "requests" && name != "per" {
			return b, 0, fmt.Errorf("nothing is known of %q in a WebDAV URL, only of requests and per", name)
		}
	}
	if requests == "" {
		return b, maxUpload, nil
	}
	if b.Requests, err = strconv.Atoi(requests); err != nil || b.Requests < 1 {
		return b, 0, fmt.Errorf("requests=%s is no number of requests", requests)
	}
	if b.Interval, err = time.ParseDuration(per); err != nil || b.Interval <= 0 {
		return b, 0, fmt.Errorf("per=%s is no time, such as 30m", per)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return b, 0, err
	}
	b.State = filepath.Join(cache, "qsnap", "requests-"+host)
	return b, maxUpload, os.MkdirAll(filepath.Dir(b.State), 0o700)
}

// openRclone opens rclone:REMOTE:PATH, whatever rclone keeps there.
func openRclone(ctx context.Context, at location, a access) (target.Target, error) {
	t, err := rclone.Open(ctx, rclone.Options{Remote: at.rest, Create: a.create})
	if err != nil {
		return nil, absent(at, err)
	}
	return t, nil
}
