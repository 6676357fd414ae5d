package s3

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// Options describe a target and how to use it. For Amazon S3 only Bucket is required, if
// the usual credentials exist.
type Options struct {
	Bucket string
	Prefix string // prefix of all keys, without the slash after it; may be empty
	// Endpoint is a host, or host:port, of the store. Empty means Amazon's.
	Endpoint string
	// Region is the bucket's region. Empty means AWS_REGION or AWS_DEFAULT_REGION, or else
	// what the store reports.
	Region   string
	Style    Style
	Insecure bool // speak plain HTTP

	// Credentials, if empty, are found like those of Amazon's tools: in the environment, in
	// ~/.aws/credentials and ~/.aws/config (AWS_PROFILE), and from the machine's role.
	Credentials Credentials

	// StorageClass is the storage class of packs, such as STANDARD_IA or GLACIER_IR. Other
	// objects are small and read often. Classes whose objects must be restored before they
	// are read are refused.
	StorageClass string
	// SSE is the store's own encryption, in addition to qsnap's: AES256, aws:kms, or
	// aws:kms: followed by a key's id.
	SSE string
	// Checksum, in addition to the SHA-256 that every body is signed with, is md5, which
	// all stores check and object lock requires, or crc32c, which some stores keep.
	Checksum string

	// ObjectLock, if positive, is how long after its Put an object can't be deleted, at
	// least: locks end at whole quarters of it.
	ObjectLock time.Duration
	// LockMode is governance, which some permissions override, or compliance, which nothing
	// overrides. Empty means governance.
	LockMode string
	// LockPrefixes are the name prefixes of the objects that are locked. Nil means what a
	// repository can't be read without: packs/, snapshots/, keys/, epochs/ and config.
	LockPrefixes []string
	// DeleteVersions makes Delete remove versions for good instead of hiding them.
	DeleteVersions bool

	// PartSize is the size of a part in bytes. Objects larger than four parts are put in
	// parts. It is 5 MiB to 1 GiB; 0 means 16 MiB.
	PartSize int64
	// TLS, if not nil, says which servers are trusted.
	TLS *tls.Config
	// Transport, if not nil, carries the requests; TLS is ignored then.
	Transport http.RoundTripper
	// Now, if not nil, is the clock that retention is counted from.
	Now func() time.Time
}

// A Style says how requests name the bucket.
type Style string

// The styles.
const (
	Auto    Style = ""        // VirtualHost at Amazon's, Google's and Aliyun's, Path elsewhere
	Path    Style = "path"    // https://endpoint/bucket/key
	Virtual Style = "virtual" // https://bucket.endpoint/key
)

// Credentials are those of one user. They print without secrets.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials
}

// String reveals only whether there are credentials.
func (c Credentials) String() string {
	if c == (Credentials{}) {
		return "none given"
	}
	return "hidden"
}

// GoString returns the same text as String.
func (c Credentials) GoString() string { return c.String() }

const (
	defaultPart = 16 << 20
	minPart     = 5 << 20
	maxPart     = 1 << 30
	maxParts    = 10_000
	maxSingle   = 5 << 30 // largest object of a single request

	// maxPrefix leaves space for a name: a key has up to 1024 bytes.
	maxPrefix = 512
)

// Sources of the numbers above and the rules below: Amazon S3 User Guide,
// "Multipart upload limits", "Bucket naming rules", "Naming Amazon S3 objects".

// normal returns the options with their defaults, or an error if they are invalid.
func (o Options) normal() (Options, error) {
	if o.Bucket == "" {
		return o, errors.New("s3: no bucket is named")
	}
	if err := s3utils.CheckValidBucketName(o.Bucket); err != nil {
		return o, fmt.Errorf("s3: %q can't be a bucket: it takes 3 to 63 lower-case letters, digits, dots and dashes", o.Bucket)
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if err := validPrefix(o.Prefix); err != nil {
		return o, err
	}
	if o.Endpoint == "" {
		o.Endpoint = "s3.amazonaws.com"
	}
	if strings.ContainsAny(o.Endpoint, "/@?# ") {
		return o, errors.New("s3: the endpoint is not a host, or host:port")
	}
	if c := o.Credentials; (c.AccessKeyID == "") != (c.SecretAccessKey == "") {
		return o, errors.New("s3: one of access key id and secret access key is missing")
	}
	switch o.Style {
	case Auto, Path, Virtual:
	default:
		return o, fmt.Errorf("s3: style %q is neither path nor virtual", o.Style)
	}
	if o.PartSize == 0 {
		o.PartSize = defaultPart
	}
	if o.PartSize < minPart || o.PartSize > maxPart {
		return o, fmt.Errorf("s3: parts of %d bytes are not within %d to %d", o.PartSize, minPart, maxPart)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, o.checkStorage()
}

func (o *Options) checkStorage() error {
	switch o.Checksum {
	case "", "md5", "crc32c":
	default:
		return fmt.Errorf("s3: checksum %q is neither md5 nor crc32c", o.Checksum)
	}
	switch {
	case o.SSE == "", o.SSE == "AES256", o.SSE == "aws:kms":
	case strings.HasPrefix(o.SSE, "aws:kms:") && len(o.SSE) > len("aws:kms:") && !strings.ContainsFunc(o.SSE, notVisible):
	default:
		return fmt.Errorf("s3: sse %q is not AES256, aws:kms or aws:kms:KEY-ID", o.SSE)
	}
	switch {
	case o.StorageClass == "GLACIER", o.StorageClass == "DEEP_ARCHIVE":
		return fmt.Errorf("s3: what is in storage class %s takes hours to become readable, and qsnap reads packs in every run; GLACIER_IR is readable at once", o.StorageClass)
	case strings.ContainsFunc(o.StorageClass, notVisible):
		return fmt.Errorf("s3: %q is not a storage class", o.StorageClass)
	}
	if o.ObjectLock < 0 {
		return errors.New("s3: the object lock period is negative")
	}
	switch o.LockMode {
	case "":
		o.LockMode = "governance"
	case "governance", "compliance":
	default:
		return fmt.Errorf("s3: lock mode %q is neither governance nor compliance", o.LockMode)
	}
	if o.LockPrefixes == nil {
		o.LockPrefixes = []string{packs, "snapshots/", "keys/", "epochs/", "config"}
	}
	return nil
}

// packs begins the names of the objects that are large, many and written once.
const packs = "packs/"

func notVisible(r rune) bool { return r <= ' ' || r > '~' }

func validPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if len(prefix) > maxPrefix {
		return fmt.Errorf("s3: the prefix is longer than %d bytes", maxPrefix)
	}
	for element := range strings.SplitSeq(prefix, "/") {
		if element == "" || element == "." || element == ".." {
			return fmt.Errorf("s3: prefix %q has an element that is empty or only dots", prefix)
		}
		for _, c := range element {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-_.", c):
			default:
				return fmt.Errorf("s3: prefix %q: invalid character %q", prefix, c)
			}
		}
	}
	return nil
}
