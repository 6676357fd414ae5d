package connect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/qsnap/qsnap/internal/trust"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/rclone"
	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/sftp"
	"github.com/qsnap/qsnap/target/webdav"
)

func openLocal(_ context.Context, e Endpoint) (target.Target, error) {
	if e.Config.Create {
		return local.Create(e.Rest)
	}
	return opened(local.Open(e.Rest))
}

func openSFTP(ctx context.Context, e Endpoint) (target.Target, error) {
	if e.URL == nil {
		return nil, badConfig(errors.New("the host is missing: write sftp://USER@HOST/DIRECTORY"))
	}
	o := sftp.Options{URL: e.URL.String(), Create: e.Config.Create, KnownHosts: e.Config.KnownHosts, KeyFiles: e.Config.KeyFiles}
	if ask := e.Config.Ask; ask != nil {
		o.Passphrase = func(keyFile string) ([]byte, error) {
			typed, err := ask("passphrase for " + keyFile)
			return []byte(typed), err
		}
	}
	return opened(sftp.Open(ctx, o))
}

func openS3(ctx context.Context, e Endpoint) (target.Target, error) {
	if e.URL == nil {
		return nil, badConfig(errors.New("the bucket is missing: write s3://BUCKET/PREFIX?endpoint=HOST"))
	}
	o, err := s3.ParseURL(e.URL.String())
	if err != nil {
		return nil, badConfig(err)
	}
	if e.Config.User != "" && e.Config.Password != "" {
		o.Credentials = s3.Credentials{AccessKeyID: e.Config.User, SecretAccessKey: e.Config.Password, SessionToken: e.Config.Token}
	}
	if e.Config.CAFile != "" || e.Config.Fingerprint != "" {
		if o.TLS, err = (trust.Server{CAFile: e.Config.CAFile, Fingerprint: e.Config.Fingerprint}).Config(); err != nil {
			return nil, badConfig(err)
		}
	}
	t, err := s3.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openWebDAV opens webdav:// over HTTP and webdavs:// over HTTPS. The URL may say how
// many requests the server takes: ?requests=600&per=30m.
func openWebDAV(ctx context.Context, e Endpoint) (target.Target, error) {
	if e.URL == nil {
		return nil, badConfig(errors.New("the host is missing: write webdavs://USER@HOST/DIRECTORY"))
	}
	who, err := e.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	u := *e.URL
	u.Scheme, u.User = map[string]string{"webdav": "http", "webdavs": "https"}[e.Scheme], nil
	o := webdav.Options{
		Create: e.Config.Create, User: who.User, Password: who.Password, Bearer: who.Token,
		CAFile: e.Config.CAFile, Fingerprint: e.Config.Fingerprint,
	}
	if o.Budget, o.MaxUpload, err = webdavLimits(u.Query(), u.Hostname()); err != nil {
		return nil, badConfig(err)
	}
	o.Budget.Waiting = func(d time.Duration) {
		e.Config.Waiting(Wait{Wait: target.Wait{Delay: d}, Location: e.Config.Location})
	}
	u.RawQuery = ""
	o.URL = u.String()
	return opened(webdav.Open(ctx, o))
}

// webdavLimits reads what a URL says of its server's limits. Of a host that is known it
// needn't say anything.
func webdavLimits(q url.Values, host string) (b webdav.Budget, maxUpload int64, err error) {
	for name := range q {
		if name != "requests" && name != "per" {
			return b, 0, fmt.Errorf("unknown parameter %q in a WebDAV URL: want requests and per", name)
		}
	}
	b, maxUpload = webdav.KnownLimits(host)
	if requests, per := q.Get("requests"), q.Get("per"); requests != "" {
		if b.Requests, err = strconv.Atoi(requests); err != nil || b.Requests < 1 {
			return b, 0, fmt.Errorf("requests=%s is no number of requests", requests)
		}
		if b.Interval, err = time.ParseDuration(per); err != nil || b.Interval <= 0 {
			return b, 0, fmt.Errorf("per=%s is no time, such as 30m", per)
		}
	}
	if b.Requests == 0 {
		return b, maxUpload, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return b, 0, err
	}
	b.State = filepath.Join(cache, "qsnap", "requests-"+host)
	return b, maxUpload, os.MkdirAll(filepath.Dir(b.State), 0o700)
}

// openRclone opens rclone:REMOTE:PATH, whatever rclone keeps there.
func openRclone(ctx context.Context, e Endpoint) (target.Target, error) {
	return opened(rclone.Open(ctx, rclone.Options{Remote: e.Rest, Create: e.Config.Create}))
}

// opened returns a target that was opened. Where there is no such directory, there is no
// repository.
func opened[T target.Target](t T, err error) (target.Target, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, repo.ErrNoRepository
	case err != nil:
		return nil, err
	}
	return t, nil
}
