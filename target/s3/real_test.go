package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/s3/s3test"
)

// A gateway is a versitygw of its own, which keeps buckets in a directory.
type gateway struct {
	*s3test.Gateway
	t       *testing.T
	options s3.Options // of a bucket that is there
}

// newGateway starts one, or skips the test where there is no versitygw.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	return startGateway(t, true)
}

func startGateway(t *testing.T, sidecar bool, flags ...string) *gateway {
	t.Helper()
	g := &gateway{Gateway: s3test.NewGateway(t, sidecar, flags...), t: t}
	g.options = s3.Options{Bucket: bucket, Endpoint: g.Address, Insecure: true, Region: "us-east-1", Credentials: someone}
	g.makeBucket(bucket, minio.MakeBucketOptions{})
	return g
}

// admin is a client for what a target doesn't do.
func (g *gateway) admin() *minio.Client {
	c, err := minio.New(g.Address, &minio.Options{Creds: credentials.NewStaticV4(someone.AccessKeyID, someone.SecretAccessKey, ""), Region: "us-east-1"})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *gateway) makeBucket(name string, o minio.MakeBucketOptions) {
	g.t.Helper()
	if err := g.admin().MakeBucket(g.t.Context(), name, o); err != nil {
		g.t.Fatalf("make bucket: %v", err)
	}
}

func (g *gateway) open() *s3.Target {
	g.t.Helper()
	return open(g.t, g.options)
}

// put puts an object that is made of its name and a number.
func put(ctx context.Context, t *s3.Target, name string, size int, seed byte) error {
	return t.Put(ctx, name, bytes.NewReader(contentOf(name, size, seed)), int64(size))
}

func contentOf(name string, size int, seed byte) []byte {
	unit := fmt.Sprintf("%s %d %d|", name, seed, size)
	return []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
}

var statOptions = minio.StatObjectOptions{Checksum: true}
