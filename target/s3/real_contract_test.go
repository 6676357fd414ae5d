package s3_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target/s3"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestARealStoreKeepsTheContract(t *testing.T) {
	g := newGateway(t)
	for _, prefix := range []string{"", "a/b"} {
		g.options.Prefix = prefix
		if err := targettest.Check(t.Context(), g.open()); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
}

func TestARealStoreTakesTheBucketFromTheHost(t *testing.T) {
	g := startGateway(t, true, "--virtual-domain", "store.test")
	g.options.Endpoint, g.options.Style = "store.test", s3.Virtual
	g.options.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, g.Address)
	}}
	if err := targettest.Check(t.Context(), g.open()); err != nil {
		t.Error(err)
	}
}

func TestARealStoreSaysWhatIsWrong(t *testing.T) {
	g := newGateway(t)
	for want, change := range map[string]func(o *s3.Options){
		"doesn't know the access key":              func(o *s3.Options) { o.Credentials.AccessKeyID = "somebody" },
		"the secret key doesn't belong":            func(o *s3.Options) { o.Credentials.SecretAccessKey = "wrong" },
		`there is no bucket "other"`:               func(o *s3.Options) { o.Bucket = "other" },
		"set region=us-east-1":                     func(o *s3.Options) { o.Region = "eu-central-1" },
		"speaks plain HTTP: insecure=1":            func(o *s3.Options) { o.Insecure = false },
		"127.0.0.1:1: connect: connection refused": func(o *s3.Options) { o.Endpoint = "127.0.0.1:1" },
	} {
		o := g.options
		change(&o)
		if _, err := s3.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func (g *gateway) makeVersioned(name string) {
	g.t.Helper()
	g.makeBucket(name, minio.MakeBucketOptions{})
	if err := g.admin().EnableVersioning(g.t.Context(), name); err != nil {
		g.t.Fatal(err)
	}
	g.options.Bucket = name
}

func TestARealStoreThatKeepsVersionsKeepsTheContract(t *testing.T) {
	g := startGateway(t, false)
	g.makeVersioned("versions")
	g.options.DeleteVersions = true
	if err := targettest.Check(t.Context(), g.open()); err != nil {
		t.Error(err)
	}
}

// This one takes a delete marker for an object when it looks at If-None-Match, as
// Amazon's doesn't. No name that qsnap makes is used twice.
func TestAStoreThatRefusesToCreateWhatWasDeletedSaysSo(t *testing.T) {
	g := newGateway(t)
	g.makeVersioned("versions")
	target := g.open()
	if err := put(t.Context(), target, "a/1", 10, 1); err != nil {
		t.Fatal(err)
	}
	if err := target.Delete(t.Context(), "a/1"); err != nil {
		t.Fatal(err)
	}
	for info, err := range target.List(t.Context(), "") {
		t.Errorf("after the delete there is %v, %v", info, err)
	}
	err := put(t.Context(), target, "a/1", 10, 1)
	if err == nil || !strings.Contains(err.Error(), "refuses to create the object, and says that it doesn't exist") {
		t.Errorf("got %v", err)
	}
}
