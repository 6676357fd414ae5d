package s3_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target/s3"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleOpen() {
	ctx := context.Background()
	t, err := s3.Open(ctx, s3.Options{
		Bucket: "backup", Prefix: "web1", Endpoint: "minio.lan:9000", Region: "us-east-1",
		ObjectLock: 30 * 24 * time.Hour,
	})
	check(err)
	if ok, err := t.CreateOnly(ctx); err != nil || !ok {
		log.Fatal("several hosts can't share a repository there: ", err)
	}
	check(t.Put(ctx, "packs/00/1", strings.NewReader("content"), 7))
	var locked *s3.LockedError
	if err := t.Delete(ctx, "packs/00/1"); errors.As(err, &locked) {
		fmt.Println("not before", locked.Until)
	}
}

func ExampleParseURL() {
	o, err := s3.ParseURL("s3://backup/hosts/web1?endpoint=minio.lan:9000&region=us-east-1&object-lock=30d")
	check(err)
	fmt.Println(o.Bucket, o.Prefix, o.Endpoint, o.ObjectLock)
	_, err = s3.ParseURL("s3://key:secret@backup")
	fmt.Println(err)
	// Output:
	// backup hosts/web1 minio.lan:9000 720h0m0s
	// s3: credentials don't belong in a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE
}
