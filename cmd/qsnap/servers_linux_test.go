package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/internal/test/treetest"
)

// eachServer runs a test with a store on each sort of server, and a session whose
// repository is to be there.
func eachServer(t *testing.T, test func(t *testing.T, server *servers.Server, s *session)) {
	for _, kind := range servers.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			server := kind.Start(t)
			test(t, server, newSessionAt(t, server, server.Addr))
		})
	}
}

// newSessionAt returns a session whose repository is to be on a server that is
// reached at an address.
func newSessionAt(t *testing.T, server *servers.Server, addr string) *session {
	t.Helper()
	s := newSession(t)
	s.env = append(s.env, "QSNAP_REPO="+server.URL(addr))
	s.env = append(s.env, server.Environ(s.home, addr)...)
	return s
}

// another returns a session of the same user with nothing on its disk but the key.
func (s *session) another(server *servers.Server, addr string) *session {
	s.t.Helper()
	other := newSessionAt(s.t.(*testing.T), server, addr)
	key, err := os.ReadFile(s.path("key"))
	if err != nil {
		s.t.Fatal(err)
	}
	other.write("key", key)
	return other
}

// fillReal makes a tree of real files, odd ones, and some that don't compress.
func (s *session) fillReal(dir string) {
	s.t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(s.path(dir+"/src"), os.DirFS(filepath.Join(strings.TrimSpace(string(root)), "src", "net"))); err != nil {
		s.t.Fatal(err)
	}
	treetest.Odd(s.t, s.path(dir+"/odd"))
	s.write(dir+"/large", treetest.Bytes(1, 8<<20))
	s.write(dir+"/goes", treetest.Bytes(2, 6<<20))
}

// edit makes the changes of an hour.
func (s *session) edit(dir string) {
	s.t.Helper()
	for _, name := range []string{"goes", "src/http/server.go"} {
		if err := os.Remove(s.path(dir + "/" + name)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Rename(s.path(dir+"/src/smtp"), s.path(dir+"/src/moved")); err != nil {
		s.t.Fatal(err)
	}
	s.write(dir+"/src/dial.go", treetest.Bytes(3, 100_000))
	s.write(dir+"/new/large", treetest.Bytes(4, 5<<20))
}

// A year in short, and then a machine that has only the key.
func TestARepositoryGoesRoundOnEveryServer(t *testing.T) {
	eachServer(t, func(t *testing.T, server *servers.Server, s *session) {
		s.run("init", "--key-file", "key")
		s.fillReal("tree")
		s.run("snapshot", "tree")
		s.edit("tree")
		s.run("snapshot", "tree")
		out := s.run("forget", "--keep-last", "1", "--prune")
		if !strings.Contains(out, "forgot 1 snapshot, kept 1") || !strings.Contains(out, ": deleted ") {
			t.Error(out)
		}
		other := s.another(server, server.Addr)
		if out := other.run("check", "--read-data"); !strings.Contains(out, "checked 1 snapshot") || !strings.Contains(out, "no damage found") {
			t.Error(out)
		}
		other.run("restore", "latest", "--target", "out", "--no-sync")
		treetest.Same(t, s.path("tree"), other.path("out"))
		if out := s.run("snapshot", "tree"); !strings.Contains(out, "0 new, 0 changed") {
			t.Errorf("after all that, the tree is another: %s", out)
		}
	})
}
