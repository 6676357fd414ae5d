package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/internal/trust"
	"github.com/qsnap/qsnap/target"
)

// An Error says why a request failed. It prints as one line that says what to do, and
// never contains credentials.
type Error struct {
	Op     string // "put", "get", "stat", "list", "delete", "lock" or "open"
	Path   string // s3://bucket/key
	Code   string // of S3, if the store gave one
	Status int    // of HTTP, if the store answered

	text      string
	temporary bool
	after     time.Duration
	err       error
}

// Error names the operation, the object and the cause.
func (e *Error) Error() string { return e.Op + " " + e.Path + ": " + e.text }

// Unwrap returns the cause, unless that is an answer of the store.
func (e *Error) Unwrap() error { return e.err }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.temporary }

// RetryAfter returns how long the store asked to wait, or 0.
func (e *Error) RetryAfter() time.Duration { return e.after }

// A LockedError means that an object can't be deleted yet.
type LockedError struct {
	Path  string    // s3://bucket/key
	Until time.Time // target.Forever for a legal hold
}

// Error names the object and the end of its lock.
func (e *LockedError) Error() string {
	if !e.Until.Before(target.Forever) {
		return "delete " + e.Path + ": the object is under legal hold"
	}
	return "delete " + e.Path + ": the object is locked until " + e.Until.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// LockedUntil returns Until, for target.LockedUntil.
func (e *LockedError) LockedUntil() time.Time { return e.Until }

// fail makes the error of a method from the error of a request.
func (t *Target) fail(ctx context.Context, op, name string, n *note, err error) error {
	path := t.path(name)
	if ctx.Err() != nil {
		return &fs.PathError{Op: op, Path: path, Err: ctx.Err()}
	}
	e := &Error{Op: op, Path: path}
	if n != nil {
		n.mu.Lock()
		e.after = n.retryAfter
		n.mu.Unlock()
	}
	answer, answered := errors.AsType[minio.ErrorResponse](err)
	switch {
	case !answered:
		e.text, e.temporary, e.err = t.network(err)
	case absentCodes[answer.Code]:
		return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	default:
		e.Code, e.Status = answer.Code, answer.StatusCode
		e.text, e.temporary = t.explain(answer)
	}
	return e
}

var absentCodes = map[string]bool{minio.NoSuchKey: true, minio.NoSuchVersion: true}

// explain says what an answer of the store means, and whether the condition is temporary.
func (t *Target) explain(a minio.ErrorResponse) (text string, temporary bool) {
	for _, m := range meanings {
		if slices.Contains(m.codes, a.Code) || m.status != 0 && m.status == a.StatusCode {
			return m.say(t, a), m.temporary
		}
	}
	if a.StatusCode >= 500 || a.StatusCode == 408 || a.StatusCode == 429 || a.StatusCode == 499 {
		return "the store has trouble: " + t.quote(a), true
	}
	return t.quote(a), false
}

// A meaning explains error codes, or one status. The first that matches counts.
type meaning struct {
	codes     []string
	status    int
	temporary bool
	say       func(t *Target, a minio.ErrorResponse) string
}

func always(text string) func(*Target, minio.ErrorResponse) string {
	return func(*Target, minio.ErrorResponse) string { return text }
}

// Codes from Amazon S3 API Reference, "Error responses", and those of MinIO, Ceph and
// versitygw.
var meanings = []meaning{
	{codes: []string{"SlowDown", "SlowDownWrite", "SlowDownRead", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "TooManyRequests"}, temporary: true,
		say: always("the store asks to slow down")},
	{codes: []string{"ConditionalRequestConflict", "OperationAborted"}, temporary: true,
		say: always("another request to the same object was running")},
	{codes: []string{"NoSuchUpload"}, temporary: true,
		say: always("the upload was ended by another, such as a lifecycle rule")},
	{codes: []string{"InvalidAccessKeyId", "XAdminUserNotFound"},
		say: always("the store doesn't know the access key: check AWS_ACCESS_KEY_ID, or AWS_PROFILE, and that the key is of this store")},
	{codes: []string{"SignatureDoesNotMatch"},
		say: always("the secret key doesn't belong to the access key: check AWS_SECRET_ACCESS_KEY")},
	{codes: []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken"},
		say: always("the temporary credentials have expired or are not valid: get new ones")},
	{codes: []string{"RequestTimeTooSkewed", "RequestExpired"},
		say: always("this machine's clock and the store's differ too much to sign requests: set the clock")},
	{codes: []string{"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect", "InvalidRegion", "IllegalLocationConstraintException", "InvalidLocationConstraint"},
		say: wrongRegion},
	{status: 301, say: wrongRegion},
	{status: 307, say: wrongRegion},
	{codes: []string{"NoSuchBucket"}, say: func(t *Target, _ minio.ErrorResponse) string {
		return fmt.Sprintf("there is no bucket %q at %s: make it with \"aws s3api create-bucket --bucket %s\" or in the store's console", t.o.Bucket, t.o.Endpoint, t.o.Bucket)
	}},
	{codes: []string{"QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "NoSpaceLeftOnDevice", "StorageFull", "UsageLimitExceeded"}, say: storeFull},
	{status: 507, say: storeFull},
	{codes: []string{"InvalidObjectState"},
		say: always("the object was moved to an archive: restore it in the store before it is read")},
	{codes: []string{"AccessDenied", "AccountProblem", "AllAccessDisabled", "NotSignedUp", "Forbidden"}, say: func(t *Target, a minio.ErrorResponse) string {
		return "access denied: the credentials are not allowed to do this" + t.more(a)
	}},
	{codes: []string{"InvalidStorageClass"}, say: func(t *Target, _ minio.ErrorResponse) string {
		return fmt.Sprintf("the store has no storage class %q", t.o.StorageClass)
	}},
	{codes: []string{"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest"}, temporary: true,
		say: always("the bytes arrived damaged, and the store refused them")},
	{codes: []string{"RequestTimeout", "IncompleteBody", "InternalError", "ServiceUnavailable"}, temporary: true, say: func(t *Target, a minio.ErrorResponse) string {
		return "the store has trouble: " + t.quote(a)
	}},
}

func wrongRegion(t *Target, a minio.ErrorResponse) string {
	if a.Region != "" && a.Region != t.region {
		return fmt.Sprintf("the bucket is in region %s, not %s: set region=%s", t.scrub(a.Region), t.region, t.scrub(a.Region))
	}
	return fmt.Sprintf("the bucket isn't at %s in region %s: check endpoint and region", t.o.Endpoint, t.region)
}

func storeFull(t *Target, a minio.ErrorResponse) string {
	return "the store is full, or the quota is used up" + t.more(a)
}

// more returns the store's own words in brackets, for the end of a line.
func (t *Target) more(a minio.ErrorResponse) string {
	if a.Message == "" || strings.EqualFold(strings.Trim(a.Message, ". "), "access denied") {
		return ""
	}
	return " (" + t.scrub(a.Message) + ")"
}

// quote returns the store's own words.
func (t *Target) quote(a minio.ErrorResponse) string {
	if a.Code == "" || a.Code[0] >= '0' && a.Code[0] <= '9' { // the status, in minio-go's form
		if strings.Contains(a.Message, "HTTP request to an HTTPS server") {
			return t.speaksTLS()
		}
		return "it answers with status " + t.scrub(cmp.Or(a.Code, strconv.Itoa(a.StatusCode)))
	}
	return fmt.Sprintf("%s: %s (status %d)", t.scrub(a.Code), t.scrub(a.Message), a.StatusCode)
}

func (t *Target) speaksTLS() string { return t.o.Endpoint + " speaks TLS: drop insecure=1" }

// scrub makes one short line of a store's text, without credentials that a careless store
// may repeat.
func (t *Target) scrub(s string) string {
	for _, secret := range t.secrets() {
		s = strings.ReplaceAll(s, secret, "…")
	}
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// isA reports whether an error is, or wraps, one of a type.
func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// network says what went wrong before the store answered.
func (t *Target) network(err error) (text string, temporary bool, cause error) {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL is long, and the path is in the message already
	}
	dns, unresolved := errors.AsType[*net.DNSError](err)
	timeout, ofNetwork := errors.AsType[net.Error](err)
	switch {
	case isA[*foreignError](err), isA[*credentialsError](err):
		return err.Error(), false, err
	case unresolved && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q: check the endpoint, and the network", dns.Name), false, err
	case isA[tls.RecordHeaderError](err), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("%s speaks plain HTTP: insecure=1 allows that", t.o.Endpoint), false, err
	case strings.Contains(err.Error(), "malformed HTTP response \"\\x15\\x03"):
		return t.speaksTLS(), false, err
	case trust.Explain(err) != "":
		return "the store's certificate can't be trusted: " + trust.Explain(err), false, err
	case isA[x509.UnknownAuthorityError](err), isA[x509.HostnameError](err), isA[*tls.CertificateVerificationError](err):
		return "the store's certificate can't be trusted: " + t.scrub(err.Error()), false, err
	case ofNetwork && timeout.Timeout():
		return "the store doesn't answer in time", true, err
	}
	return t.scrub(err.Error()), true, err
}
