package connect_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/connect"
)

func TestS3TakesTheKeysOfTheConfigBeforeThoseOfTheEnvironment(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ = strings.Cut(key, "/")
		seen[key+" "+r.Header.Get("X-Amz-Security-Token")] = true
		http.NotFound(w, r)
	}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "env")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_REGION", "us-east-1")
	c := connect.Config{Location: connect.Location("s3://bucket/x?insecure=1&endpoint=" + strings.TrimPrefix(server.URL, "http://")), RetryFor: connect.Once}
	for _, c.User = range []string{"", "ann"} {
		if c.User != "" {
			c.Password, c.Token = "secret", "session"
		}
		if _, err := connect.Target(t.Context(), c); err == nil {
			t.Error("a bucket that isn't there was opened")
		}
	}
	if !maps.Equal(seen, map[string]bool{"env ": true, "ann session": true}) {
		t.Errorf("the server saw %v", seen)
	}
}

// A server with another certificate than the one that is named is refused at once: trying
// again doesn't make it the right one.
func TestAServerWithAnotherCertificateIsRefusedAtOnce(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	t.Setenv("AWS_REGION", "us-east-1")
	right := fmt.Sprintf("%x", sha256.Sum256(server.Certificate().Raw))
	for _, location := range []connect.Location{"webdavs://HOST/x", "s3://bucket/x?endpoint=HOST"} {
		location = connect.Location(strings.ReplaceAll(string(location), "HOST", strings.TrimPrefix(server.URL, "https://")))
		for pin, refused := range map[string]bool{right: false, strings.Repeat("00", 32): true} {
			start := time.Now()
			_, err := connect.Target(t.Context(), connect.Config{Location: location, Fingerprint: pin, RetryFor: time.Minute})
			if err == nil || strings.Contains(err.Error(), "has the fingerprint sha256:") != refused || time.Since(start) > 20*time.Second {
				t.Errorf("%s: %v after %s", location, err, time.Since(start))
			}
		}
	}
}
