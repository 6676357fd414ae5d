package s3_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target/s3"
)

// refuse answers with an error as S3 has them.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

// odd serves requests by f, and returns the options of a target there.
func odd(t *testing.T, f http.HandlerFunc) s3.Options {
	t.Helper()
	fake := new(fake)
	fake.serve(t, f)
	return fake.options
}

func TestWhatIsWrongIsSaidInOneLine(t *testing.T) {
	for code, c := range map[string]struct {
		status    int
		want      string
		temporary bool
	}{
		"InvalidAccessKeyId":           {403, "doesn't know the access key: check AWS_ACCESS_KEY_ID", false},
		"SignatureDoesNotMatch":        {403, "the secret key doesn't belong to the access key", false},
		"ExpiredToken":                 {400, "have expired", false},
		"RequestTimeTooSkewed":         {403, "set the clock", false},
		"AccessDenied":                 {403, "access denied: the credentials are not allowed to do this", false},
		"NoSuchBucket":                 {404, `there is no bucket "backup" at 127.0.0.1:`, false},
		"AuthorizationHeaderMalformed": {400, "check endpoint and region", false},
		"PermanentRedirect":            {301, "check endpoint and region", false},
		"QuotaExceeded":                {403, "the store is full, or the quota is used up", false},
		"XMinioStorageFull":            {507, "the store is full", false},
		"InvalidObjectState":           {403, "restore it", false},
		"SlowDown":                     {503, "asks to slow down", true},
		"InternalError":                {500, "the store has trouble", true},
		"Whatever":                     {502, "the store has trouble: Whatever: some words (status 502)", true},
		"Strange":                      {418, "Strange: some words (status 418)", false},
	} {
		o := odd(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			refuse(w, c.status, code, "some\nwords")
		})
		_, err := s3.Open(t.Context(), o)
		var e *s3.Error
		switch {
		case !errors.As(err, &e):
			t.Errorf("%s: %v", code, err)
		case !strings.Contains(err.Error(), c.want), strings.Contains(err.Error(), "\n"), !strings.HasPrefix(err.Error(), "open s3://backup/some/prefix/: "):
			t.Errorf("%s: %v; want %s", code, err, c.want)
		case e.Temporary() != c.temporary || e.Code != code || e.Status != c.status || e.RetryAfter() != 7*time.Second:
			t.Errorf("%s: temporary %v, code %s, status %d, after %v", code, e.Temporary(), e.Code, e.Status, e.RetryAfter())
		}
	}
}

func TestAnAddressWithoutAStoreIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			io.WriteString(w, "<html>Welcome to our network. Please log in.</html>")
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"page":     {page(200), "a web page (200 OK), not an S3 store's"},
		"redirect": {page(302), "a web page (302 Found)"},
		"404":      {page(404), "a web page (404 Not Found)"},
		"bare 404": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "not an S3 store's"},
		"gateway":  {page(502), "the store has trouble: it answers with status 502 Bad Gateway"},
	} {
		f := newFake(t)
		var tap tap
		f.options.Transport = &tap
		target := open(t, f.options)
		if err := put(t.Context(), target, "a", 10, 1); err != nil {
			t.Fatal(err)
		}
		tap.on(0, func(q *http.Request, _ sender) (*http.Response, error) {
			w := httptest.NewRecorder()
			c.answer(w, q)
			r := w.Result()
			if q.Method == http.MethodHead {
				r.Body = http.NoBody
			}
			return r, nil
		})
		for method, err := range everyMethod(t.Context(), target) {
			if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %v; want %s", name, method, err, c.want)
			}
		}
	}
}

// everyMethod returns what the methods do to objects a, which is there, and b.
func everyMethod(ctx context.Context, target *s3.Target) map[string]error {
	errs := map[string]error{"put": put(ctx, target, "b", 10, 1), "delete": target.Delete(ctx, "a")}
	_, errs["get"] = read(ctx, target, "a", 0, -1)
	_, errs["range"] = read(ctx, target, "a", 3, 4)
	_, errs["nothing"] = read(ctx, target, "a", 3, 0)
	_, errs["stat"] = target.Stat(ctx, "a")
	_, errs["locked"] = target.Locked(ctx, "a")
	errs["lock"] = target.Lock(ctx, "a", time.Now().Add(time.Hour))
	errs["list"] = nil
	for _, err := range target.List(ctx, "") {
		errs["list"] = err
	}
	return errs
}

func TestAVanishedBucketIsNotAnEmptyOne(t *testing.T) {
	f := newFake(t)
	target := open(t, f.options)
	if err := put(t.Context(), target, "a", 10, 1); err != nil {
		t.Fatal(err)
	}
	if err := f.ForceDeleteBucket(bucket); err != nil {
		t.Fatal(err)
	}
	for method, err := range everyMethod(t.Context(), target) {
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `there is no bucket "backup"`) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestEveryMethodEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	var tap tap
	f.options.Transport = &tap
	target := open(t, f.options)
	if err := put(t.Context(), target, "a", 10, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tap.on(0, func(q *http.Request, _ sender) (*http.Response, error) {
		cancel() // while the store hangs
		<-q.Context().Done()
		return nil, q.Context().Err()
	})
	began := time.Now()
	for method, err := range everyMethod(ctx, target) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := s3.Open(ctx, f.options); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestNoErrorHoldsCredentials(t *testing.T) {
	secrets := s3.Credentials{AccessKeyID: "AKIA-SOMEBODY", SecretAccessKey: "top/secret+key", SessionToken: "the-token"}
	all := []string{secrets.AccessKeyID, secrets.SecretAccessKey, secrets.SessionToken}
	echo := strings.Join(all, " and ")
	for _, status := range []int{400, 403, 404, 500} {
		o := odd(t, func(w http.ResponseWriter, q *http.Request) {
			refuse(w, status, "Odd"+secrets.AccessKeyID, "I was sent "+echo+" "+q.Header.Get("Authorization"))
		})
		o.Credentials = secrets
		_, err := s3.Open(t.Context(), o)
		if err == nil || slices.ContainsFunc(all, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

func TestANetworkErrorSaysWhatToCheck(t *testing.T) {
	plain, secure := httptest.NewServer(http.NotFoundHandler()), httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	host := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	for name, c := range map[string]struct {
		change    func(o *s3.Options)
		want      string
		temporary bool
	}{
		"nobody listens":  {func(o *s3.Options) { o.Endpoint, o.Insecure = "127.0.0.1:1", true }, "connection refused", true},
		"plain for TLS":   {func(o *s3.Options) { o.Endpoint = host(plain) }, "speaks plain HTTP: insecure=1 allows that", false},
		"TLS for plain":   {func(o *s3.Options) { o.Endpoint, o.Insecure = host(secure), true }, "speaks TLS: drop insecure=1", false},
		"own certificate": {func(o *s3.Options) { o.Endpoint = host(secure) }, "the store's certificate can't be trusted", false},
		"no host": {func(o *s3.Options) {
			o.Endpoint, o.Insecure = "no.such.host.example", true
			o.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "no.such.host.example", IsNotFound: true}
			}}
		}, `there is no host "no.such.host.example"`, false},
	} {
		o := s3.Options{Bucket: bucket, Region: "us-east-1", Credentials: someone}
		c.change(&o)
		_, err := s3.Open(t.Context(), o)
		var e *s3.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Temporary() != c.temporary {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

func TestTheStoreNamesTheRegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	signed := ""
	o := odd(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		if q.URL.Query().Has("location") {
			io.WriteString(w, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-central-1</LocationConstraint>`)
			return
		}
		signed = q.Header.Get("Authorization")
		io.WriteString(w, `<ListBucketResult><Name>backup</Name></ListBucketResult>`)
	})
	o.Region = ""
	open(t, o)
	if !strings.Contains(signed, "/eu-central-1/s3/") {
		t.Errorf("signed with %s", signed)
	}
	o = odd(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
		refuse(w, 301, "PermanentRedirect", "elsewhere")
	})
	if _, err := s3.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "the bucket is in region eu-west-3, not us-east-1: set region=eu-west-3") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsSentIsAsTheOptionsSay(t *testing.T) {
	f := newFake(t)
	var tap tap
	f.options.Transport = &tap
	f.options.StorageClass, f.options.SSE, f.options.Checksum = "STANDARD_IA", "aws:kms:key-1", "md5"
	target := open(t, f.options)
	sent := map[string]http.Header{}
	tap.on(0, func(q *http.Request, send sender) (*http.Response, error) {
		if _, name, _ := strings.Cut(q.URL.Path, "/some/prefix/"); q.Method == http.MethodPut && !strings.HasPrefix(name, ".probe") {
			sent[name] = q.Header.Clone()
		}
		return send()
	})
	for _, name := range []string{"packs/aa/1", "snapshots/1"} {
		if err := put(t.Context(), target, name, 10, 1); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]http.Header{
		"packs/aa/1":  {"X-Amz-Storage-Class": {"STANDARD_IA"}},
		"snapshots/1": {"X-Amz-Storage-Class": nil},
	} {
		want["X-Amz-Server-Side-Encryption"] = []string{"aws:kms"}
		want["X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"] = []string{"key-1"}
		want["If-None-Match"] = []string{"*"}
		for header, values := range want {
			if !slices.Equal(sent[name][header], values) {
				t.Errorf("%s: %s is %q, want %q", name, header, sent[name][header], values)
			}
		}
		if sum, err := base64.StdEncoding.DecodeString(sent[name].Get("Content-Md5")); len(sum) != 16 || err != nil {
			t.Errorf("%s: MD5 is %q", name, sent[name].Get("Content-Md5"))
		}
		if len(sent[name].Get("X-Amz-Content-Sha256")) != 64 {
			t.Errorf("%s: SHA-256 is %q", name, sent[name].Get("X-Amz-Content-Sha256"))
		}
	}
}
