package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/internal/test/treetest"
)

// fails runs a command that must end with one clear line, in some seconds.
func (s *session) fails(want string, args ...string) {
	s.t.Helper()
	start := time.Now()
	out, code := s.try(args...)
	if took := time.Since(start); took > 20*time.Second {
		s.t.Errorf("qsnap %s took %s", strings.Join(args, " "), took)
	}
	if !slices.Contains([]int{exitFailed, exitUsage, exitUnreachable, exitNoRepo}, code) || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "qsnap: ") || !strings.Contains(out, want) {
		s.t.Errorf("qsnap %s: exit code %d, want a line with %q\n%s", strings.Join(args, " "), code, want, out)
	}
}

// all runs what reads, what writes and the check of the target, which must fail alike.
func (s *session) allFail(want string, flags ...string) {
	s.t.Helper()
	for _, args := range [][]string{{"snapshots"}, {"snapshot", "tree", "--quiet"}, {"target", "check", "--quiet"}} {
		s.fails(want, append(args, flags...)...)
	}
}

// A front passes requests on to a server, unless it answers them itself.
type front struct {
	*httptest.Server
	answer atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	change atomic.Pointer[func(r *http.Response)]
}

func newFront(t *testing.T, server *servers.Server) *front {
	t.Helper()
	f := &front{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(r *http.Response) error {
		if change := f.change.Load(); change != nil {
			(*change)(r)
		}
		return nil
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := f.answer.Load(); answer == nil || !(*answer)(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *front) addr() string { return f.Listener.Addr().String() }

// eachFront runs a test with a repository of one snapshot behind a front, on servers
// that speak HTTP, and looks afterwards whether all is as it was and goes on.
func eachFront(t *testing.T, test func(t *testing.T, f *front, server *servers.Server, s *session)) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		if !server.HTTP {
			return
		}
		f := newFront(t, server)
		s.env = append(s.env, "QSNAP_REPO="+server.URL(f.addr()))
		s.run("init", "--key-file", "key")
		s.write("tree/a", treetest.Bytes(1, 300_000))
		s.run("snapshot", "tree")
		s.write("tree/b", treetest.Bytes(2, 300_000))
		test(t, f, server, s)
		f.answer.Store(nil)
		f.change.Store(nil)
		if out := s.run("check", "--read-data"); !strings.Contains(out, "checked 1 snapshot") || !strings.Contains(out, "no damage found") {
			t.Error(out)
		}
		s.run("snapshot", "tree")
		s.run("restore", "latest", "--target", "out", "--no-sync")
		treetest.Same(t, s.path("tree"), s.path("out"))
	})
}

func TestWrongCredentialsOnAServerAreNamed(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		want := "password"
		switch {
		case server.KeyFile != "":
			want = "no key"
			if err := os.Remove(s.path(".ssh/id_ed25519")); err != nil {
				t.Fatal(err)
			}
		case server.Name == "versitygw":
			want = "the secret key doesn't belong to the access key: check AWS_SECRET_ACCESS_KEY"
		case server.Password == "" || server.Addr == "" || server.Name == "gofakes3":
			return // everybody may
		}
		s.env = append(s.env, "QSNAP_TARGET_PASSWORD=wrong", "AWS_SECRET_ACCESS_KEY=wrong", "SSH_AUTH_SOCK=")
		s.write("tree/a", []byte("x"))
		s.allFail(want)
		s.fails(want, "init", "--key-file", "key")
	})
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		if server.Addr == "" {
			return
		}
		s.write("tree/a", []byte("x"))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		gone := l.Addr().String()
		l.Close()
		for _, addr := range []string{gone, "qsnap-has-no-such-host.invalid"} {
			s.env = append(s.env, "QSNAP_REPO="+server.URL(addr))
			s.allFail(addr, "--retry-for", "0")
		}
	})
}

func TestAWebPageIsNoServersAnswer(t *testing.T) {
	eachFront(t, func(t *testing.T, f *front, server *servers.Server, s *session) {
		page := func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html><body>Please log in to use this network</body></html>")
			return true
		}
		f.answer.Store(&page)
		s.allFail("")
	})
}

func TestCredentialsDontFollowAServerToAnotherHost(t *testing.T) {
	eachFront(t, func(t *testing.T, f *front, server *servers.Server, s *session) {
		var asked atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusNotFound)
		}))
		defer other.Close()
		for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			redirect := func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, other.URL+r.URL.Path, status)
				return true
			}
			f.answer.Store(&redirect)
			s.allFail("")
		}
		if n := asked.Load(); n > 0 {
			t.Errorf("the other host was asked %d times", n)
		}
	})
}

func TestAServerThatLiesAboutLengthsIsNotBelieved(t *testing.T) {
	eachFront(t, func(t *testing.T, f *front, server *servers.Server, s *session) {
		less := func(r *http.Response) {
			path := r.Request.URL.Path
			if r.Request.Method == http.MethodGet && r.StatusCode < 300 && (strings.Contains(path, "/packs/") || strings.Contains(path, "/targettest/")) {
				n := r.ContentLength / 2
				r.Body = struct {
					io.Reader
					io.Closer
				}{io.LimitReader(r.Body, n), r.Body}
				r.ContentLength = n
				r.Header.Set("Content-Length", strconv.FormatInt(n, 10))
			}
		}
		f.change.Store(&less)
		for _, args := range [][]string{{"check", "--read-data"}, {"restore", "latest", "--target", "none"}, {"target", "check"}} {
			start := time.Now()
			out, code := s.another(server, f.addr()).try(append(args, "--retry-for", "2s", "--quiet")...)
			if code == exitOK || time.Since(start) > 30*time.Second || !strings.Contains(out, "qsnap: ") {
				t.Errorf("%v: exit code %d after %s\n%s", args, code, time.Since(start), out)
			}
		}
	})
}

// The quota is used up in the midst of a snapshot. Afterwards there is room again.
func TestAQuotaOnAServerIsNamed(t *testing.T) {
	eachFront(t, func(t *testing.T, f *front, server *servers.Server, s *session) {
		var left atomic.Int64
		left.Store(2)
		full := func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || left.Add(-1) >= 0 {
				return false
			}
			w.Header().Set("Content-Type", "application/xml")
			if strings.HasPrefix(server.URL(""), "s3:") {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>QuotaExceeded</Code><Message>no more</Message></Error>`)
			} else {
				w.WriteHeader(http.StatusInsufficientStorage)
			}
			return true
		}
		f.answer.Store(&full)
		s.fails("full", "snapshot", "tree", "--quiet")
		s.fails("full", "target", "check", "--quiet")
		s.run("ls", "latest")
	})
}

// small mounts a small disk where a server keeps its objects, which only root can.
func small(t *testing.T, server *servers.Server) bool {
	t.Helper()
	switch {
	case os.Geteuid() != 0:
		t.Skip("mounting a small disk takes root")
	case strings.HasPrefix(server.URL(""), "s3:"):
		return false // its bucket is there already
	}
	if err := syscall.Mount("tmpfs", server.Root, "tmpfs", 0, "size=10m,mode=0777"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(server.Root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}

func TestAFullOrReadOnlyDiskOfAServerIsNamed(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		if !small(t, server) {
			return
		}
		s.run("init", "--key-file", "key", "--pack-size", "1M")
		s.write("tree/a", treetest.Bytes(1, 1<<20))
		s.run("snapshot", "tree")
		s.write("tree/b", treetest.Bytes(2, 20<<20))
		s.fails("", "snapshot", "tree", "--quiet", "--retry-for", "2s")
		if err := os.Remove(s.path("tree/b")); err != nil {
			t.Fatal(err)
		}
		// Full to the last byte, as some servers make it, not even a prune can begin.
		if err := syscall.Mount("", server.Root, "", syscall.MS_REMOUNT, "size=40m"); err != nil {
			t.Fatal(err)
		}
		s.write("tree/c", treetest.Bytes(3, 500_000))
		s.run("snapshot", "tree", "--retry-for", "2s")

		if err := syscall.Mount("", server.Root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		s.write("tree/d", []byte("x"))
		s.fails("", "snapshot", "tree", "--quiet", "--retry-for", "2s")
		s.fails("", "target", "check", "--quiet")
		if out := s.run("check", "--read-data", "--retry-for", "2s"); !strings.Contains(out, "checked 2 snapshots") || !strings.Contains(out, "no damage found") {
			t.Error(out)
		}
		s.run("restore", "latest", "--target", "out", "--no-sync")
		if err := os.Remove(s.path("tree/d")); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(s.path("out/c")); err != nil || len(b) != 500_000 {
			t.Errorf("restored %d bytes, %v", len(b), err)
		}
	})
}

// certificate makes a certificate for this machine, of an authority that is written
// to a file.
func certificate(t *testing.T, caFile string, until time.Time) tls.Certificate {
	t.Helper()
	make := func(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parentKey == nil {
			parentKey = key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: until.AddDate(-1, 0, 0),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, caKey := make(ca, ca, nil)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, key := make(leaf, ca, caKey)
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o644); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAServersExpiredCertificateIsNamed(t *testing.T) {
	for _, kind := range servers.Kinds() {
		if kind.Name != "go-webdav" && kind.Name != "gofakes3" { // what speaks TLS is not theirs
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			server := kind.Start(t)
			for _, x := range []struct {
				until   time.Time
				expired bool
			}{{time.Now().Add(-time.Hour), true}, {time.Now().Add(time.Hour), false}} {
				s := newSession(t)
				f := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Addr}))
				f.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, s.path("ca.pem"), x.until)}}
				f.Config.ErrorLog = log.New(io.Discard, "", 0)
				f.StartTLS()
				defer f.Close()
				u := strings.Replace(server.URL(f.Listener.Addr().String()), "&insecure=1", "", 1)
				s.env = append(append(s.env, server.Environ(s.home)...), "QSNAP_REPO="+strings.Replace(u, "webdav:", "webdavs:", 1))
				s.write("tree/a", []byte("x"))
				s.allFail("certificate") // of an authority that nobody knows
				s.env = append(s.env, "QSNAP_TARGET_CA_FILE=ca.pem")
				if x.expired && strings.HasPrefix(u, "s3:") {
					s.allFail("expired")
				} else if x.expired {
					s.allFail("it has to be renewed")
				} else {
					s.run("init", "--key-file", "key")
					s.run("snapshot", "tree")
				}
			}
		})
	}
}

func TestGoodServersAreTrustedAndThoseThatReplaceObjectsAreNot(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		s.run("init", "--key-file", "key") // the directory has to be there
		start := time.Now()
		if out := s.run("target", "check"); !strings.Contains(out, "is fit for a repository") {
			t.Error(out)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("the check took %s", took)
		}
		if !server.HTTP || server.Name == "versitygw" { // whose requests are signed, and can't be changed
			return
		}
		f := newFront(t, server)
		careless := func(w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("If-None-Match")
			r.Header.Set("Overwrite", "T")
			return false
		}
		f.answer.Store(&careless)
		// Another store, of which nothing is known yet.
		s.env = append(s.env, "QSNAP_REPO="+server.At("other").URL(server.Addr))
		s.run("init", "--key-file", "key")
		s.env = append(s.env, "QSNAP_REPO="+server.At("other").URL(f.addr()))
		start = time.Now()
		out, code := s.try("target", "check", "--quiet")
		if took := time.Since(start); code != exitFailed || took > 10*time.Second || !strings.Contains(out, "would not be safe") {
			t.Errorf("exit code %d after %s\n%s", code, took, out)
		}
	})
}
