package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Programs read what --json prints: names, types and values stay as they are.
func TestJSONStaysAsItIs(t *testing.T) {
	old := syscall.Umask(0o022)
	defer syscall.Umask(old)
	s := newJSONSession(t)
	s.write("src/a.txt", "one\n")
	s.write("src/sub/b", "two\n")
	s.write("src/skip.tmp", "left out\n")
	s.takes()
	s.reads()
	s.restores()
	s.keeps()
	s.keys()
	s.copies()
	s.waits()
	s.mends()
	s.views()
	s.runs()
	s.lives()
	s.services()
	s.configures()
	s.same()
}

func TestJSONOfAMountStaysAsItIs(t *testing.T) {
	real := newSession(t)
	real.run("init", "--key-file", "key")
	real.fill("tree", 0)
	real.run("snapshot", "tree")
	mounted := real.mount(t, "--json")
	s := newJSONSession(t)
	s.dir = real.home
	s.file("mount DIR", mounted.first, "")
	s.exact("mount", func(p *program) { p.reportMountError("reading", errors.New("lost")) })
	s.same()
}

// write writes a file below the session's directory.
func (s *jsonSession) write(name, text string) {
	s.Helper()
	name = filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *jsonSession) remove(name string) {
	s.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
		s.Fatal(err)
	}
}

// newest returns the id of the newest snapshot.
func (s *jsonSession) newest(args ...string) string {
	s.Helper()
	var out, said bytes.Buffer
	s.code(append([]string{"snapshots", "--last", "1"}, args...), "", &out, &said)
	var list []struct{ ID string }
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list) == 0 {
		s.Fatalf("%v: %s%s", err, &out, &said)
	}
	return list[len(list)-1].ID
}

func (s *jsonSession) takes() {
	s.run("version")
	s.run("init")
	s.run("init")
	s.run("snapshots")
	s.run("stats")
	s.run("snapshot", "src", "--exclude", "*.tmp", "--exclude", "nothing", "--tag", "first")
	s.write("src/a.txt", "one and more\n")
	s.write("src/sub/c", "three\n")
	s.write("src/sub/not\xffutf8", "")
	s.run("snapshot", "src", "--dry-run")
	s.run("snapshot", "src", "src/sub", "missing")
	s.run("snapshot", "src", "--exclude", "*.tmp")
	s.run("snapshot", "src/sub", "--host", "db", "--quiet")
	s.run("snapshot")
	s.run("snapshots")
	s.run("snapshots", "--traffic", "--host", "db")
}

func (s *jsonSession) reads() {
	s.run("ls", "latest", "--host", "web1", "--path", "src")
	s.run("ls", "latest")
	s.run("ls", "beef")
	s.run("find", "b", "--host", "web1")
	s.run("find", "nowhere")
	s.run("stats")
	s.run("stats", "latest", "--host", "db")
	s.run("stats", "--growth", "--host", "web1")
	s.write("src/sub/b", "two and more\n")
	s.remove("src/sub/c")
	s.remove("src/sub/not\xffutf8")
	s.write("src/new/d", "four\n")
	before := s.newest("--host", "web1")
	s.run("snapshot", "src", "--exclude", "*.tmp")
	s.run("diff", before, "latest", "--host", "web1")
	s.run("diff", "--stat", before, "latest", "--host", "web1")
	s.run("target", "check", "r")
}

func (s *jsonSession) restores() {
	id := s.newest("--host", "web1")
	s.write("out/more", "not in the snapshot\n")
	s.write("out/a.txt", "differs\n")
	s.run("restore", id, "-t", "out", "--dry-run")
	s.run("restore", id, "-t", "out", "--include", "a*", "--include", "nowhere")
	s.run("restore", id, "-t", "out", "--verbose", "--delete", "--yes")
	s.run("restore", id+":sub", "-t", "sub", "--quiet")
	s.run("restore", id)
}

func (s *jsonSession) keeps() {
	id := s.newest("--host", "web1")
	s.run("tag", id, "--add", "x")
	s.run("pin", id)
	s.run("pin", id, "--until", "2999-01-01")
	s.run("forget", id)
	s.run("pin", id, "--remove")
	s.run("forget", "--keep-last", "1", "--dry-run")
	s.run("forget", id, "beef")
	s.run("undelete")
	s.run("undelete", id)
	s.run("forget", "--keep-last", "1")
	s.run("prune", "--max-unused", "0", "--dry-run")
	s.run("prune", "--max-unused", "0")
	s.run("rewrite", s.newest("--host", "web1"), "--exclude", "a.txt", "--dry-run")
	s.run("rewrite", s.newest("--host", "web1"), "--exclude", "a.txt")
}

func (s *jsonSession) keys() {
	s.write("password", "secret\n")
	s.run("key", "add", "--new-password-file", "password", "--label", "spare")
	s.run("key", "list")
	s.run("key", "export")
	s.run("key", "rotate")
	s.run("key", "rotate", "--remove-others")
	s.run("key", "add", "--new-key-file", "key2")
	s.run("key", "passwd", "--new-key-file", "key3")
	var list []struct {
		ID      string
		Current bool
	}
	if err := json.Unmarshal([]byte(s.run("key", "list", "--key-file", "key3")), &list); err != nil {
		s.Fatal(err)
	}
	for _, key := range list {
		if !key.Current {
			s.run("key", "remove", key.ID, "--key-file", "key3")
		}
	}
	if err := os.Rename("key3", "key"); err != nil {
		s.Fatal(err)
	}
}

func (s *jsonSession) copies() {
	s.run("copy", "--to", "nowhere")
	s.run("copy", "--to", "twin", "--init")
	s.run("copy", "--to", "twin")
	s.run("replicate")
	s.run("replicate", "--to", "replica")
	s.write("src/late", "five\n")
	s.run("snapshot", "src", "--replica", "replica")
	s.run("check", "--replica", "replica")
	s.remove("replica/packs")
	s.run("check", "--replica", "replica", "--no-key")
	s.run("heal", "--replica", "replica")
	s.run("forget", s.newest("--host", "web1"), "--prune", "--replica", "replica")
	s.run("prune", "--replica", "replica")
	s.run("promote", "--repo", "replica")
}

func (s *jsonSession) mends() {
	s.write("src/sub/lost", "six\n")
	s.run("snapshot", "src/sub", "--host", "damaged", "--compression", "off")
	s.run("check", "--read-data")
	s.run("repair", "packs")
	s.run("repair", "snapshots")
	s.damagePacks()
	s.run("check", "--read-data")
	s.run("repair", "packs", "--no-save")
	s.run("repair", "index")
	s.run("restore", "latest", "-t", "lost", "--host", "damaged")
	s.run("repair", "snapshots", "--dry-run")
}

// damagePacks flips a byte in the middle of each pack.
func (s *jsonSession) damagePacks() {
	s.Helper()
	packs, err := filepath.Glob("r/packs/*/*")
	if err != nil || len(packs) == 0 {
		s.Fatalf("%d packs, %v", len(packs), err)
	}
	for _, name := range packs {
		b, err := os.ReadFile(name)
		if err != nil {
			s.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			s.Fatal(err)
		}
	}
}

// waits prunes while a snapshot of standard input is under way.
func (s *jsonSession) waits() {
	s.run("init", "--repo", "w")
	s.run("snapshot", "src", "--repo", "w")
	r, w := io.Pipe()
	ended := make(chan string)
	go func() {
		var out, said bytes.Buffer
		p := &program{stdin: r, stdout: &out, stderr: &said, getenv: func(string) string { return "" }}
		p.run(s.Context(), []string{"qsnap", "--cache-dir", "cache2", "--repo", "w", "--key-file", "key", "snapshot", "--stdin"})
		ended <- out.String() + said.String()
	}()
	if _, err := w.Write([]byte("x")); err != nil { // it has begun once this is read
		s.Fatal(err)
	}
	s.run("forget", "latest", "--repo", "w")
	s.run("prune", "--max-unused", "0", "--allow-no-snapshots", "--repo", "w")
	w.Close()
	if said := <-ended; !strings.Contains(said, "saved") {
		s.Error(said)
	}
}
