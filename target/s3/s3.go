package s3

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/qsnap/qsnap/target"
)

// A Target is what lies below a prefix of a bucket. It implements target.Target.
type Target struct {
	o      Options
	region string
	prefix string // prefix of keys: empty, or ends in a slash
	core   minio.Core
	creds  *credentials.Credentials
	sse    encrypt.ServerSide

	probes  probes
	orphans orphans
}

// Open returns a target with those options. It sends one or two requests, so that wrong
// credentials, bucket, region or endpoint are reported at once. An empty prefix is no
// error.
// The target repeats no failed operation: package repo/connect opens one that does.
func Open(ctx context.Context, o Options) (*Target, error) {
	o, err := o.normal()
	if err != nil {
		return nil, err
	}
	t := &Target{o: o, creds: o.credentials(), probes: newProbes()}
	if o.Prefix != "" {
		t.prefix = o.Prefix + "/"
	}
	if o.SSE == "AES256" {
		t.sse = encrypt.NewSSE()
	} else if o.SSE != "" {
		key := ""
		if len(o.SSE) > len("aws:kms:") {
			key = o.SSE[len("aws:kms:"):]
		}
		if t.sse, err = encrypt.NewSSEKMS(key, nil); err != nil {
			return nil, err
		}
	}
	if t.region, err = t.findRegion(ctx); err != nil {
		return nil, err
	}
	core, err := t.client(t.region)
	if err != nil {
		return nil, err
	}
	t.core = *core
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	return t, t.lockable(ctx)
}

// String returns the bucket and the prefix, for messages.
func (t *Target) String() string { return "s3://" + t.o.Bucket + "/" + t.o.Prefix }

// path returns the name of an object in messages.
func (t *Target) path(name string) string { return "s3://" + t.o.Bucket + "/" + t.prefix + name }

// key returns an object's key.
func (t *Target) key(name string) (string, error) {
	if err := target.ValidName(name); err != nil {
		return "", err
	}
	return t.prefix + name, nil
}

// client returns a client that tries every request once: its callers know what is worth
// repeating, and whether a put may be repeated.
func (t *Target) client(region string) (*minio.Core, error) {
	base := t.o.Transport
	if base == nil {
		base = newTransport(t.o.TLS)
	}
	styles := map[Style]minio.BucketLookupType{Auto: minio.BucketLookupAuto, Path: minio.BucketLookupPath, Virtual: minio.BucketLookupDNS}
	core, err := minio.NewCore(t.o.Endpoint, &minio.Options{
		Creds:        t.creds,
		Secure:       !t.o.Insecure,
		Transport:    watcher{base},
		Region:       region,
		BucketLookup: styles[t.o.Style],
		MaxRetries:   1,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: endpoint %q: %w", t.o.Endpoint, err)
	}
	return core, nil
}

// findRegion returns the region that requests are signed for.
func (t *Target) findRegion(ctx context.Context) (string, error) {
	if r := cmp.Or(t.o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")); r != "" {
		return r, nil
	}
	core, err := t.client("")
	if err != nil {
		return "", err
	}
	ctx, n := withNote(ctx)
	region, err := core.GetBucketLocation(ctx, t.o.Bucket)
	if err != nil {
		return "", t.fail(ctx, "open", "", n, err)
	}
	return region, nil
}

// look lists one object. That requires the permissions that most requests need and,
// unlike a HEAD, is answered with a reason.
func (t *Target) look(ctx context.Context) error {
	ctx, n := withNote(ctx)
	for o := range t.core.ListObjectsIter(ctx, t.o.Bucket, minio.ListObjectsOptions{Prefix: t.prefix, Recursive: true, MaxKeys: 1, FetchOwner: new(bool)}) {
		if o.Err != nil {
			return t.fail(ctx, "open", "", n, o.Err)
		}
		break
	}
	if err := ctx.Err(); err != nil {
		return t.fail(ctx, "open", "", n, err)
	}
	return nil
}

// lockable returns an error if objects are to be locked and can't be.
func (t *Target) lockable(ctx context.Context) error {
	if t.o.ObjectLock == 0 {
		return nil
	}
	can, err := t.canLock(ctx)
	if err == nil && !can {
		err = &Error{Op: "open", Path: t.path(""), text: fmt.Sprintf(
			"the bucket has no object lock: make a bucket that has (\"aws s3api create-bucket --bucket %s --object-lock-enabled-for-bucket\")", t.o.Bucket)}
	}
	return err
}

// canLock reports whether the bucket has object lock. It asks the store the first time.
func (t *Target) canLock(ctx context.Context) (bool, error) {
	return t.ask(ctx, &t.probes.locks, func(ctx context.Context) (bool, error) {
		ctx, n := withNote(ctx)
		state, _, _, _, err := t.core.GetObjectLockConfig(ctx, t.o.Bucket)
		answer, answered := errors.AsType[minio.ErrorResponse](err)
		if answered && slices.Contains([]string{"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "NoSuchObjectLockConfiguration"}, answer.Code) {
			return false, nil
		}
		if _, ok := errors.AsType[xml.UnmarshalError](err); ok {
			return false, nil // the store does not know this request
		}
		if answer.Code == "AccessDenied" && t.o.ObjectLock == 0 {
			return false, nil // a client that may not ask and doesn't lock has no locks to respect
		}
		if err != nil {
			return false, t.fail(ctx, "open", "", n, err)
		}
		return state == "Enabled", nil
	})
}

// secrets returns the texts that no message may contain.
func (t *Target) secrets() []string {
	var all []string
	if !t.creds.IsExpired() {
		if v, err := t.creds.GetWithContext(nil); err == nil {
			all = []string{v.SecretAccessKey, v.SessionToken, v.AccessKeyID}
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}
