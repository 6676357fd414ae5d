package servers

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// bucket is the one that there is.
const bucket = "backup"

const s3URL = "s3://" + bucket + "/STORE?endpoint=ADDR&insecure=1&region=us-east-1"

// fakeS3 is a store in memory. It believes everybody.
func fakeS3(s *Server) {
	store := s3mem.New()
	s.check(store.CreateBucket(bucket))
	quiet := gofakes3.WithLogger(gofakes3.StdLog(log.New(io.Discard, "", 0)))
	s.serveHTTP(gofakes3.New(store, quiet).Server())
	s.url = s3URL
}

// versityGW keeps a bucket in a directory.
func versityGW(s *Server) {
	s.port()
	s.User, s.Password = "someone", "very-secret-key"
	s.env = []string{"ROOT_ACCESS_KEY=" + s.User, "ROOT_SECRET_KEY=" + s.Password}
	s.url = s3URL
	in := func(name string) string {
		dir := filepath.Join(s.dir, name)
		s.check(os.Mkdir(dir, 0o700))
		return dir
	}
	s.run("--quiet", "--port", s.Addr, "posix", "--versioning-dir", in("versions"), "--sidecar", in("sidecar"), s.Root)
	client, err := minio.New(s.Addr, &minio.Options{Creds: credentials.NewStaticV4(s.User, s.Password, ""), Region: "us-east-1"})
	s.check(err)
	s.check(client.MakeBucket(context.Background(), bucket, minio.MakeBucketOptions{}))
}
