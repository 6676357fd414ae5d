package sftp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// identities are the keys to log in with.
type identities struct {
	files []*keyFile
	agent string // the agent's socket, or empty or "none"
	only  bool   // use only keys of the agent that are in files, too
	ask   func(keyFile string) ([]byte, error)
}

// add adds a key file, and reports whether it exists.
func (ids *identities) add(name string) (bool, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	key, err := newKeyFile(name, text)
	if err != nil {
		return false, fmt.Errorf("key file %s: %w", name, err)
	}
	ids.files = append(ids.files, key)
	return true, nil
}

// An offer is a set of keys to log in with, once.
type offer struct {
	signers []ssh.Signer
	tried   []string // its contents, for messages
}

// offer collects keys: first keys of the agent that are in files, too, then other keys of
// the agent, then keys in files only. The agent is used until the context ends. pause is
// called while the user is asked for a passphrase.
func (ids *identities) offer(ctx context.Context, pause func() (resume func())) offer {
	var o offer
	inAgent, err := ids.agentKeys(ctx)
	switch {
	case err != nil:
		o.tried = append(o.tried, fmt.Sprintf("the agent (%v)", err))
	case inAgent != nil:
		o.tried = append(o.tried, fmt.Sprintf("the agent's keys (%d)", len(inAgent)))
	}
	known := func(s ssh.Signer) bool {
		return slices.ContainsFunc(ids.files, func(k *keyFile) bool { return sameKey(k.public, s.PublicKey()) })
	}
	for _, s := range inAgent {
		if known(s) {
			o.signers = append(o.signers, s)
		}
	}
	for _, s := range inAgent {
		if !known(s) && !ids.only {
			o.signers = append(o.signers, s)
		}
	}
	for _, k := range ids.files {
		switch {
		case slices.ContainsFunc(inAgent, func(s ssh.Signer) bool { return sameKey(k.public, s.PublicKey()) }):
		case k.locked() && ids.ask == nil:
			o.tried = append(o.tried, "not "+k.name+" (encrypted)")
		default:
			o.tried = append(o.tried, k.name)
			o.signers = append(o.signers, &fileSigner{k, ids.ask, pause})
		}
	}
	return o
}

func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && string(a.Marshal()) == string(b.Marshal())
}

// agentKeys returns the keys of the agent, which can sign until the context ends.
func (ids *identities) agentKeys(ctx context.Context) ([]ssh.Signer, error) {
	if ids.agent == "" || ids.agent == "none" {
		return nil, nil
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", ids.agent)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	return agent.NewClient(c).Signers()
}

// A keyFile is a private key in a file.
type keyFile struct {
	name   string
	public ssh.PublicKey
	text   []byte

	mu     sync.Mutex
	signer ssh.Signer // nil until decrypted
}

func newKeyFile(name string, text []byte) (*keyFile, error) {
	k := &keyFile{name: name, text: text}
	var err error
	k.signer, err = ssh.ParsePrivateKey(text)
	missing, encrypted := errors.AsType[*ssh.PassphraseMissingError](err)
	switch {
	case err == nil:
		k.public = k.signer.PublicKey()
		return k, nil
	case !encrypted:
		return nil, err
	case missing.PublicKey != nil:
		k.public = missing.PublicKey
		return k, nil
	}
	// The older formats encrypt the public key, too.
	text, err = os.ReadFile(name + ".pub")
	if err != nil {
		return nil, fmt.Errorf("the key is encrypted in an old format, and its public key is missing (\"ssh-keygen -p -f %s\" changes the format): %v", shellQuote(name), err)
	}
	k.public, _, _, _, err = ssh.ParseAuthorizedKey(text)
	return k, err
}

func (k *keyFile) locked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signer == nil
}

// unlock decrypts the key, unless it is decrypted already.
func (k *keyFile) unlock(ask func(string) ([]byte, error), pause func() func()) (ssh.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signer != nil {
		return k.signer, nil
	}
	defer pause()()
	passphrase, err := ask(k.name)
	if err != nil {
		return nil, permanent(fmt.Errorf("passphrase of key file %s: %w", k.name, err))
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(k.text, passphrase)
	clear(passphrase)
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, permanent(fmt.Errorf("key file %s: wrong passphrase", k.name))
	case err != nil:
		return nil, permanent(fmt.Errorf("key file %s: %w", k.name, err))
	case !sameKey(signer.PublicKey(), k.public):
		return nil, permanent(fmt.Errorf("key file %s: %s.pub is the public key of another", k.name, k.name))
	}
	k.signer = signer
	return signer, nil
}

// A fileSigner signs with a key file. It asks for the passphrase only when the server has
// accepted the key.
type fileSigner struct {
	*keyFile
	ask   func(string) ([]byte, error)
	pause func() func()
}

func (s *fileSigner) PublicKey() ssh.PublicKey { return s.public }

func (s *fileSigner) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(random, data, "")
}

// SignWithAlgorithm implements ssh.AlgorithmSigner, which RSA keys require.
func (s *fileSigner) SignWithAlgorithm(random io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.unlock(s.ask, s.pause)
	if err != nil {
		return nil, err
	}
	if as, ok := signer.(ssh.AlgorithmSigner); ok {
		return as.SignWithAlgorithm(random, data, algorithm)
	}
	return signer.Sign(random, data)
}

// String lists what was tried.
func (o offer) String() string {
	if len(o.tried) == 0 {
		return "no agent and no key file"
	}
	return strings.Join(o.tried, ", ")
}
