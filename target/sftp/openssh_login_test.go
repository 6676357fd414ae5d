package sftp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/qsnap/qsnap/repo"
)

func TestARepositoryLivesOnOpenSSH(t *testing.T) {
	tgt := startOpenSSH(t, "").open()
	text, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := repo.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	source := t.TempDir()
	want := map[string]string{"readme.txt": "hello\n", "src/main.go": "package main\n", "large": strings.Repeat("0123456789abcdef\n", 1<<19)}
	for name, text := range want {
		writeFile(t, filepath.Join(source, name), text)
	}
	ctx := t.Context()
	r, err := repo.Init(ctx, tgt, key, repo.InitOptions{Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Snapshot(ctx, repo.Paths(source), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	want["src/more.go"] = "package main // more\n"
	writeFile(t, filepath.Join(source, "src/more.go"), want["src/more.go"])
	if _, err := r.Snapshot(ctx, repo.Paths(source), repo.SnapshotOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// As another host would, which has no cache.
	if r, err = repo.Open(ctx, tgt, key, repo.Options{CacheDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	report, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
	if err != nil || report.Damaged() || report.Snapshots != 2 {
		t.Fatalf("check: %+v, %v", report, err)
	}
	m, err := r.Latest(ctx, repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := r.Restore(ctx, m, repo.RestoreOptions{To: to, NoSync: true}); err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != text {
			t.Errorf("%s: restored %d bytes, %v", name, len(got), err)
		}
	}
}

func TestAnSSHAgentLogsIn(t *testing.T) {
	s := startOpenSSH(t, "")
	socket := startAgent(t)
	for range 3 { // others first
		other := filepath.Join(t.TempDir(), "key")
		writeKey(t, other, "")
		addKey(t, socket, other)
	}
	addKey(t, socket, s.key)
	if err := os.Remove(s.key); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), s.options()); err == nil {
		t.Fatal("logged in without the agent")
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	if err := put(s.open(), "object", "content"); err != nil {
		t.Error(err)
	}
}

func TestTooManyKeysOfAnAgentAreExplained(t *testing.T) {
	s := startOpenSSH(t, "", "MaxAuthTries 3")
	socket := startAgent(t)
	for range 6 {
		other := filepath.Join(t.TempDir(), "key")
		writeKey(t, other, "")
		addKey(t, socket, other)
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
	_, err := Open(t.Context(), s.options())
	saysInOneLine(t, err, "too many keys", "the agent's keys (6)", "IdentitiesOnly")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
	file := filepath.Join(s.home, ".ssh", "config")
	writeFile(t, file, "IdentitiesOnly yes\nIdentityFile "+s.key+"\n")
	if err := put(s.open(), "object", "content"); err != nil {
		t.Errorf("with IdentitiesOnly: %v", err)
	}
}

func TestOpenSSHsHostKeyMustBeKnown(t *testing.T) {
	s := startOpenSSH(t, "")
	s.know("")
	_, err := Open(t.Context(), s.options())
	saysInOneLine(t, err, "is not known", ssh.FingerprintSHA256(s.hostKey), "ssh -p "+s.port())
	s.know(knownhosts.Line([]string{s.address}, newKey(t).PublicKey()))
	_, err = Open(t.Context(), s.options())
	e, ok := errors.AsType[*HostKeyError](err)
	if !ok || len(e.Known) != 1 || isTemporary(err) {
		t.Fatalf("got %v", err)
	}
	saysInOneLine(t, err, "has changed", "ssh-keygen -R")

	// The advice works as it stands.
	_, command, _ := strings.Cut(err.Error(), `remove the old one with "`)
	command, _, _ = strings.Cut(command, `"`)
	program(t, "ssh-keygen")
	run(t, "sh", "-c", command)
	_, err = Open(t.Context(), s.options())
	saysInOneLine(t, err, "is not known")

	run(t, program(t, "ssh"), "-F", "none", "-p", s.port(), "-i", s.key, "-o", "StrictHostKeyChecking=accept-new", "-o", "HashKnownHosts=yes",
		"-o", "UserKnownHostsFile="+filepath.Join(s.home, ".ssh", "known_hosts"), s.me+"@127.0.0.1", "true")
	if err := put(s.open(), "object", "content"); err != nil {
		t.Errorf("after ssh has added the key: %v", err)
	}
}

func TestOpenSSHsHostCertificateIsEnough(t *testing.T) {
	keygen := program(t, "ssh-keygen")
	dir := t.TempDir()
	authority := writeKey(t, filepath.Join(dir, "authority"), "")
	// sshd reads the certificate when it starts.
	key := filepath.Join(dir, "host")
	public := writeKey(t, key, "")
	writeFile(t, key+".pub", string(ssh.MarshalAuthorizedKey(public)))
	run(t, keygen, "-q", "-s", filepath.Join(dir, "authority"), "-h", "-I", "test", "-n", "127.0.0.1", "-V", "-5m:+1h", key+".pub")
	s := startOpenSSH(t, "", "HostKey "+key, "HostCertificate "+key+"-cert.pub")
	s.know("@cert-authority " + knownhosts.Line([]string{s.address}, authority))
	if err := put(s.open(), "object", "content"); err != nil {
		t.Error(err)
	}
}

func TestOpenSSHIsReachedThroughItself(t *testing.T) {
	s := startOpenSSH(t, "")
	client := program(t, "ssh")
	file := filepath.Join(s.home, ".ssh", "config")
	known := "-o UserKnownHostsFile=" + filepath.Join(s.home, ".ssh", "known_hosts")
	for name, proxy := range map[string]string{
		"jump":    "ProxyJump gate",
		"command": "ProxyCommand " + client + " -F none -i " + s.key + " " + known + " -p " + s.port() + " -W %h:%p " + s.me + "@127.0.0.1",
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, file, "Host backup\n"+proxy+"\nHost *\nHostName 127.0.0.1\nPort "+s.port()+"\nUser "+s.me+"\nIdentityFile "+s.key+"\n")
			tgt := s.open(func(o *Options) { o.URL = "sftp://backup" + s.dir + "/objects" })
			if err := put(tgt, name, strings.Repeat(name, 1<<18)); err != nil {
				t.Fatal(err)
			}
			if got, err := get(tgt, name); err != nil || got != strings.Repeat(name, 1<<18) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
}
