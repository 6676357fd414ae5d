package sftp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func signerOf(t testing.TB, key any, err error) ssh.Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newRSA(t testing.TB) ssh.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return signerOf(t, key, err)
}

func newECDSA(t testing.TB) ssh.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return signerOf(t, key, err)
}

// openWith opens a target after known_hosts was written.
func (s *server) openWith(t *testing.T, knownHosts string) error {
	t.Helper()
	writeFile(t, filepath.Join(s.home, ".ssh", "known_hosts"), knownHosts)
	tgt, err := Open(t.Context(), s.options())
	if err == nil {
		err = tgt.Close()
	}
	return err
}

func TestAnUnknownHostKeyIsRefusedWithAdvice(t *testing.T) {
	s := newServer(t).start()
	_, port, _ := net.SplitHostPort(s.address)
	other := knownhosts.Line([]string{"other.example"}, newKey(t).PublicKey())
	elsewhere := knownhosts.Line([]string{"127.0.0.1"}, s.hostKey[0].PublicKey()) // port 22
	for _, text := range []string{"", other, elsewhere} {
		err := s.openWith(t, text)
		fingerprint := ssh.FingerprintSHA256(s.hostKey[0].PublicKey())
		saysInOneLine(t, err, "host key of [127.0.0.1]:"+port+" is not known", "ed25519 key "+fingerprint, `"ssh -p `+port+` 127.0.0.1"`)
		e, ok := errors.AsType[*HostKeyError](err)
		if !ok || e.Host != "[127.0.0.1]:"+port || e.Type != "ssh-ed25519" || e.Fingerprint != fingerprint || e.Known != nil || e.Revoked {
			t.Errorf("got %#v", e)
		}
		if isTemporary(err) {
			t.Error("the error is temporary")
		}
	}
	if s.logins.Load() != 0 {
		t.Error("the client logged in")
	}
	if err := os.Remove(filepath.Join(s.home, ".ssh", "known_hosts")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), s.options())
	saysInOneLine(t, err, "is not known")
}

func TestAChangedHostKeyIsRefusedWithAdvice(t *testing.T) {
	s := newServer(t).start()
	file := filepath.Join(s.home, ".ssh", "known_hosts")
	for name, known := range map[string]ssh.Signer{"same type": newKey(t), "another type": newRSA(t)} {
		err := s.openWith(t, "# comment\n"+knownhosts.Line([]string{s.address}, known.PublicKey()))
		saysInOneLine(t, err, "has changed", "another is at "+file+":2", "someone may be listening in", "ssh-keygen -R", " -f "+file)
		if e, ok := errors.AsType[*HostKeyError](err); !ok || !slices.Equal(e.Known, []string{file + ":2"}) {
			t.Errorf("%s: got %#v", name, e)
		}
		if isTemporary(err) {
			t.Error("the error is temporary")
		}
	}
	if s.logins.Load() != 0 {
		t.Error("the client logged in")
	}
}

// A server shows the first of its keys that the client asks for. If that were one
// that isn't known, a good server would look like a bad one.
func TestTheKeyThatIsKnownIsAskedFor(t *testing.T) {
	s := newServer(t)
	s.hostKey = []ssh.Signer{newKey(t), newECDSA(t), newRSA(t)}
	s.start()
	for _, k := range s.hostKey {
		if err := s.openWith(t, knownhosts.Line([]string{s.address}, k.PublicKey())); err != nil {
			t.Errorf("%s: %v", k.PublicKey().Type(), err)
		}
	}
}

func TestHostsAreFoundAsOpenSSHWritesThem(t *testing.T) {
	s := newServer(t).start()
	key := s.hostKey[0].PublicKey()
	name := knownhosts.Normalize(s.address)
	rest := strings.TrimPrefix(knownhosts.Line([]string{s.address}, key), name)
	for text, want := range map[string]string{
		name + rest: "",
		"other.example," + name + ",192.0.2.1" + rest: "",
		knownhosts.HashHostname(name) + rest:          "",
		knownhosts.HashHostname("127.0.0.1") + rest:   "is not known",
		"[127.0.0.?]:*" + rest:                        "",
		"*" + rest:                                    "",
		"*,!" + name + rest:                           "is not known",
		"nonsense\n|1|x|y" + rest + "\nhost ssh-ed25519 AAAA\n@what " + name + rest + "\n" + name + rest: "",
		"@revoked *" + rest + "\n" + name + rest:                                                         "is revoked",
		name + rest + "\n@revoked other" + rest:                                                          "is revoked",
		"@revoked * ssh-ed25519 AAAA":                                                                    "known_hosts:1: ",
		name + rest + " a comment here\n":                                                                "",
		name + rest + "\r\n":                                                                             "",
		"# " + name + rest:                                                                               "is not known",
		"@cert-authority *" + rest:                                                                       "is not known",
	} {
		err := s.openWith(t, text)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		saysInOneLine(t, err, want)
		if isTemporary(err) {
			t.Errorf("%v is temporary", err)
		}
	}
}

func TestHostCertificatesNeedAKnownAuthority(t *testing.T) {
	s := newServer(t)
	authority, plain := newKey(t), s.hostKey[0]
	certify := func(until time.Time, principals ...string) ssh.Signer {
		cert := &ssh.Certificate{Key: plain.PublicKey(), CertType: ssh.HostCert, KeyId: "test", ValidPrincipals: principals, ValidBefore: uint64(until.Unix())}
		if err := cert.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewCertSigner(cert, plain)
		if err != nil {
			t.Fatal(err)
		}
		return signer
	}
	s.start()
	trusted := "@cert-authority " + strings.Replace(knownhosts.Line([]string{s.address}, authority.PublicKey()), "127.0.0.1", "127.0.0.?", 1)
	known := knownhosts.Line([]string{s.address}, plain.PublicKey())
	later := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		cert  ssh.Signer
		known string
		want  string
	}{
		"good":              {certify(later, "127.0.0.1"), trusted, ""},
		"not needed":        {certify(later, "127.0.0.1"), known, ""},
		"of another name":   {certify(later, "example.com"), trusted, "not in the set of valid principals"},
		"expired":           {certify(time.Now().Add(-time.Hour), "127.0.0.1"), trusted, "expired"},
		"revoked authority": {certify(later, "127.0.0.1"), trusted + "\n@revoked *" + strings.TrimPrefix(knownhosts.Line([]string{"x"}, authority.PublicKey()), "x"), "revoked"},
	} {
		s.show(test.cert, plain)
		err := s.openWith(t, test.known)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		saysInOneLine(t, err, test.want, "host certificate")
		if isTemporary(err) {
			t.Errorf("%v is temporary", err)
		}
	}
}

func TestKnownHostsComeFromWhereTheConfigurationSays(t *testing.T) {
	s := newServer(t).start()
	line := knownhosts.Line([]string{s.address}, s.hostKey[0].PublicKey())
	alias := strings.Replace(line, knownhosts.Normalize(s.address), "the-nas", 1)
	if err := os.Remove(filepath.Join(s.home, ".ssh", "known_hosts")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.home, "a b"), line)
	writeFile(t, filepath.Join(s.home, "alias"), alias)
	for config, want := range map[string]string{
		"":                                      "is not known",
		"UserKnownHostsFile ~/none \"~/a b\"":   "",
		"GlobalKnownHostsFile %d/none '%d/a b'": "",
		"UserKnownHostsFile ${HOME}/alias":      "is not known",
		"UserKnownHostsFile ~/alias\nHostKeyAlias TheNAS":  "host key of thenas is not known",
		"UserKnownHostsFile ~/alias\nHostKeyAlias the-nas": "",
		"UserKnownHostsFile none":                          "is not known",
		"StrictHostKeyChecking no":                         "is not known",
	} {
		o := s.options()
		o.ConfigFiles = []string{filepath.Join(s.home, "config")}
		writeFile(t, o.ConfigFiles[0], config)
		tgt, err := Open(t.Context(), o)
		if want != "" {
			saysInOneLine(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", config, err)
		} else {
			tgt.Close()
		}
	}
	o := s.options()
	o.KnownHosts = []string{filepath.Join(s.home, "a b")}
	tgt, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	tgt.Close()
}

// comparable reports whether x/crypto reads hosts as OpenSSH and we do: it knows
// case, takes "name:port", wants ports to be equal, and takes the key of an authority
// for a host's.
func comparable(text []byte) bool {
	for line := range bytes.Lines(text) {
		fields := bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
		if len(fields) == 0 {
			continue
		}
		for _, host := range bytes.Split(fields[0], []byte(",")) {
			hashed := bytes.HasPrefix(host, []byte("|"))
			if host, ok := bytes.CutSuffix(host, []byte("]:2222")); ok && !bytes.ContainsAny(host, "*?:") {
				continue
			}
			if host = bytes.TrimPrefix(host, []byte("!")); !hashed && !bytes.Equal(host, []byte("@revoked")) &&
				bytes.ContainsFunc(host, func(r rune) bool { return r != '.' && (r < 'a' || r > 'z') }) {
				return false
			}
		}
	}
	return true
}

// FuzzKnownHosts compares with the reader of x/crypto, where that takes the text.
func FuzzKnownHosts(f *testing.F) {
	key := signerOf(f, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), nil).PublicKey()
	line := knownhosts.Line([]string{"h"}, key)[1:]
	for _, text := range []string{
		"host.example" + line, "other,host.example" + line, "host.example,*.other" + line, "!host.example,*" + line, "[host.example]:2222" + line,
		knownhosts.HashHostname("host.example") + line, knownhosts.HashHostname("[host.example]:2222") + line,
		"@revoked *" + line, "@cert-authority *.example" + line, "# x\n\n host.example\t" + line + " comment\r\n", "|1||" + line, "h?st.*" + line, "a\v,*" + line,
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	file := filepath.Join(f.TempDir(), "known_hosts")
	f.Fuzz(func(t *testing.T, text []byte, otherPort bool) {
		name, address := "host.example", "host.example:22"
		if otherPort {
			name, address = "[host.example]:2222", "host.example:2222"
		}
		k := &knownHosts{name: name, alias: "host.example"}
		if err := k.read(text, "file"); err != nil {
			return
		}
		err := k.check("", &net.TCPAddr{}, key)
		if algorithms := k.algorithms(); len(algorithms) == 0 {
			t.Error("no algorithm is left")
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		theirs, unread := knownhosts.New(file)
		if unread != nil || !comparable(text) {
			return
		}
		if want := theirs(address, &net.TCPAddr{IP: net.IPv4zero}, key); (err == nil) != (want == nil) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	})
}

// FuzzPattern compares with a slow matcher.
func FuzzPattern(f *testing.F) {
	f.Add("*.example?", "host.example1")
	f.Add("a*b*c", "aXbYbZc")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 20 {
			return
		}
		var slow func(p, n string) bool
		slow = func(p, n string) bool {
			switch {
			case p == "":
				return n == ""
			case p[0] == '*':
				return slow(p[1:], n) || n != "" && slow(p, n[1:])
			}
			return n != "" && (p[0] == '?' || p[0] == n[0]) && slow(p[1:], n[1:])
		}
		if got, want := matchPattern(pattern, name), slow(pattern, name); got != want {
			t.Errorf("%q with %q: %v, want %v", pattern, name, got, want)
		}
	})
}
