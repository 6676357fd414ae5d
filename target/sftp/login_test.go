package sftp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// serveAgent serves an agent with these keys, and returns its socket.
func serveAgent(t *testing.T, keys ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, c)
		}
	}()
	return socket
}

// rawKey reads an unencrypted private key.
func rawKey(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysOfAnAgentAndOfFilesLogIn(t *testing.T) {
	s := newServer(t).start()
	def := filepath.Join(s.home, ".ssh", "id_ed25519")
	elsewhere := filepath.Join(s.home, "elsewhere")
	if err := os.Rename(def, elsewhere); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(s.home, "other")
	writeKey(t, other, "")
	full, poor := serveAgent(t, rawKey(t, other), rawKey(t, elsewhere)), serveAgent(t, rawKey(t, other))
	config := func(text string) func(*Options) {
		return func(o *Options) {
			file := filepath.Join(t.TempDir(), "config")
			writeFile(t, file, text)
			o.ConfigFiles = []string{file}
		}
	}
	for name, test := range map[string]struct {
		change func(*Options)
		want   string // of the error
	}{
		"key file":               {func(o *Options) { o.KeyFiles = []string{elsewhere} }, ""},
		"second key file":        {func(o *Options) { o.KeyFiles = []string{other, elsewhere} }, ""},
		"agent":                  {func(o *Options) { o.Agent = full }, ""},
		"agent without it":       {func(o *Options) { o.Agent = poor }, "the agent's keys (1)"},
		"both":                   {func(o *Options) { o.Agent, o.KeyFiles = poor, []string{elsewhere} }, ""},
		"nothing":                {func(o *Options) {}, "no agent and no key file"},
		"agent that isn't there": {func(o *Options) { o.Agent = "/nonexistent/agent" }, "the agent (dial unix /nonexistent/agent"},
		"no agent":               {func(o *Options) { o.Agent = "none" }, "no agent and no key file"},
		"IdentityFile":           {config("IdentityFile " + elsewhere), ""},
		"IdentityFile with home": {config("IdentityFile ~/elsewhere"), ""},
		"IdentityFile elsewhere": {config("Host other\nIdentityFile ~/elsewhere"), "no agent and no key file"},
		"IdentityAgent":          {config("IdentityAgent " + full), ""},
		"IdentitiesOnly":         {config("IdentitiesOnly yes\nIdentityAgent " + full + "\nIdentityFile " + other), "does not let me log in"},
		"IdentitiesOnly, right":  {config("IdentitiesOnly yes\nIdentityAgent " + full + "\nIdentityFile " + elsewhere), ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.options()
			test.change(&o)
			tgt, err := Open(t.Context(), o)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				tgt.Close()
				return
			}
			saysInOneLine(t, err, test.want, "open sftp://me@127.0.0.1:", "does not let me log in")
			if isTemporary(err) {
				t.Error("the error is temporary")
			}
		})
	}
	o := s.options()
	o.KeyFiles = []string{filepath.Join(s.home, "missing")}
	_, err := Open(t.Context(), o)
	saysInOneLine(t, err, "missing: the file does not exist")
	if errors.Is(err, os.ErrNotExist) {
		t.Error("a missing key file looks like a missing directory")
	}
}

func TestAPassphraseIsAskedForOnceAndOnlyIfTheKeyIsWanted(t *testing.T) {
	s := newServer(t).start()
	def := filepath.Join(s.home, ".ssh", "id_ed25519")
	encrypted, unwanted := filepath.Join(s.home, "encrypted"), filepath.Join(s.home, "unwanted")
	writeKey(t, unwanted, "other")
	s.login = writeKey(t, encrypted, "open sesame")
	var asked atomic.Int64
	o := s.options()
	o.KeyFiles = []string{def, unwanted, encrypted}
	o.Passphrase = func(file string) ([]byte, error) {
		asked.Add(1)
		if file != encrypted {
			t.Errorf("asked for %s", file)
		}
		return []byte("open sesame"), nil
	}
	tgt, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer tgt.Close()
	s.drop()
	<-tgt.pool.idle[0].closed
	if err := put(tgt, "a", "x"); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}

	o.Passphrase = func(string) ([]byte, error) { return []byte("guess-of-secret"), nil }
	_, err = Open(t.Context(), o)
	saysInOneLine(t, err, "encrypted: wrong passphrase")
	if isTemporary(err) || strings.Contains(err.Error(), "guess") {
		t.Errorf("got %v", err)
	}
	o.Passphrase = func(string) ([]byte, error) { return nil, errors.New("nobody is there") }
	_, err = Open(t.Context(), o)
	saysInOneLine(t, err, "passphrase of key file", "nobody is there")
	o.Passphrase = nil
	_, err = Open(t.Context(), o)
	saysInOneLine(t, err, "not "+encrypted+" (encrypted)")
	if isTemporary(err) {
		t.Errorf("%v is temporary", err)
	}
}

func TestRSAKeysLogIn(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.login = signer.PublicKey()
	s.start()
	open := func(o Options) error {
		t.Helper()
		tgt, err := Open(t.Context(), o)
		if err == nil {
			err = tgt.Close()
		}
		return err
	}
	file := filepath.Join(s.home, "rsa")
	o := s.options()
	o.KeyFiles = []string{file}

	writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	if err := open(o); err != nil {
		t.Errorf("key file: %v", err)
	}

	// An old format, which has the public key only in another file.
	//lint:ignore SA1019 it is what such files are
	block, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), []byte("open sesame"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(pem.EncodeToMemory(block)))
	o.Passphrase = func(string) ([]byte, error) { return []byte("open sesame"), nil }
	err = open(o)
	saysInOneLine(t, err, "its public key is missing", "ssh-keygen -p -f "+file)
	writeFile(t, file+".pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if err := open(o); err != nil {
		t.Errorf("encrypted key file: %v", err)
	}
	writeFile(t, file+".pub", string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey())))
	if err := open(o); err == nil {
		t.Error("logged in with the public key of another")
	}
}

func TestAnUnreadableKeyFileIsNamed(t *testing.T) {
	s := newServer(t).start()
	file := filepath.Join(s.home, ".ssh", "id_rsa")
	writeFile(t, file, "secret, but no key")
	_, err := Open(t.Context(), s.options())
	saysInOneLine(t, err, file, "no key found")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v: it has what is in the file", err)
	}
}

func TestAServerThatTakesNoKeysSaysSo(t *testing.T) {
	s := newServer(t)
	s.passwords = true
	_, err := Open(t.Context(), s.start().options())
	saysInOneLine(t, err, "lets nobody log in with a key")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
}
