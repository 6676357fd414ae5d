package sftp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A HostKeyError says that a server showed a host key that is not known for it.
type HostKeyError struct {
	Host        string   // in the form of known_hosts: name or [name]:port
	Type        string   // type of the shown key
	Fingerprint string   // of the shown key, SHA256:…
	Revoked     bool     // known_hosts revokes the key
	Known       []string // where other keys for the host are: file:line; none for a new host
	advice      string
}

// Error says what happened and what to do.
func (e *HostKeyError) Error() string {
	shown := fmt.Sprintf("%s key %s", strings.TrimPrefix(e.Type, "ssh-"), e.Fingerprint)
	switch {
	case e.Revoked:
		return fmt.Sprintf("host key of %s: %s is revoked in known_hosts: do not use this server before its owner gave it a new key", e.Host, shown)
	case len(e.Known) > 0:
		return fmt.Sprintf("host key of %s has changed: the server shows %s, but another is at %s: someone may be listening in; %s", e.Host, shown, strings.Join(e.Known, ", "), e.advice)
	}
	return fmt.Sprintf("host key of %s is not known: the server shows %s; %s", e.Host, shown, e.advice)
}

// Temporary returns false.
func (e *HostKeyError) Temporary() bool { return false }

// knownHosts are the known host keys of one host.
type knownHosts struct {
	name        string // in the form of known_hosts
	alias       string // in the form for the ssh command
	keys        []knownKey
	authorities []knownKey
	revoked     []ssh.PublicKey // for any host
}

type knownKey struct {
	key   ssh.PublicKey
	place string
}

// readFile adds the keys of a file for the host. A file that doesn't exist has none.
// Malformed lines are skipped, unless they would revoke a key.
func (k *knownHosts) readFile(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return k.read(text, file)
}

func (k *knownHosts) read(text []byte, file string) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		place := fmt.Sprintf("%s:%d", file, n)
		line = bytes.TrimSpace(line)
		marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
		switch {
		case err != nil && bytes.HasPrefix(line, []byte("@revoked")):
			return fmt.Errorf("%s: %w", place, err)
		case err != nil:
		case marker == "revoked":
			k.revoked = append(k.revoked, key)
		case !isHost(hosts, k.name):
		case marker == "cert-authority":
			k.authorities = append(k.authorities, knownKey{key, place})
		case marker == "":
			k.keys = append(k.keys, knownKey{key, place})
		}
	}
	return nil
}

// isHost reports whether the first column of known_hosts matches a host's name.
func isHost(patterns []string, name string) bool {
	if len(patterns) == 1 && strings.HasPrefix(patterns[0], "|") {
		return isHashed(patterns[0], name)
	}
	return matchHost(patterns, name)
}

// isHashed compares a name with |1|salt|HMAC-SHA1 of the name|, both in base64.
func isHashed(hashed, name string) bool {
	parts := strings.Split(hashed, "|")
	if len(parts) != 4 || parts[1] != "1" {
		return false
	}
	salt, err1 := base64.StdEncoding.DecodeString(parts[2])
	sum, err2 := base64.StdEncoding.DecodeString(parts[3])
	if err1 != nil || err2 != nil {
		return false
	}
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return hmac.Equal(mac.Sum(nil), sum)
}

// algorithms returns the kinds of host keys to request: known ones first, because a
// server with several keys shows the first requested kind, and a key of another kind
// would look like a change. Certificates are requested only if an authority is known:
// otherwise a server would show one instead of the known key.
func (k *knownHosts) algorithms() []string {
	var known, certificates, others []string
	for _, name := range ssh.SupportedAlgorithms().HostKeys {
		switch {
		case strings.Contains(name, "-cert-"):
			if len(k.authorities) > 0 {
				certificates = append(certificates, name)
			}
		case slices.ContainsFunc(k.keys, func(k knownKey) bool { return signs(k.key.Type(), name) }):
			known = append(known, name)
		default:
			others = append(others, name)
		}
	}
	return slices.Concat(certificates, known, others)
}

// signs reports whether keys of a type can sign with an algorithm. RSA keys have several.
func signs(keyType, algorithm string) bool {
	if keyType == ssh.KeyAlgoRSA {
		return algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512
	}
	return algorithm == keyType
}

// check implements ssh.HostKeyCallback.
func (k *knownHosts) check(address string, remote net.Addr, key ssh.PublicKey) error {
	checker := ssh.CertChecker{
		IsHostAuthority: func(authority ssh.PublicKey, _ string) bool { return has(k.authorities, authority) },
		IsRevoked: func(cert *ssh.Certificate) bool {
			return k.isRevoked(cert.Key) || k.isRevoked(cert.SignatureKey)
		},
		HostKeyFallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if k.isRevoked(key) || !has(k.keys, key) {
				return k.refuse(key)
			}
			return nil
		},
	}
	name := k.name
	if _, _, err := net.SplitHostPort(name); err != nil {
		name = net.JoinHostPort(name, "22")
	}
	err := checker.CheckHostKey(name, remote, key)
	if cert, ok := key.(*ssh.Certificate); ok && err != nil {
		return permanent(fmt.Errorf("host certificate %q of %s: %w", cert.KeyId, k.name, err))
	}
	return err
}

func has(known []knownKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(known, func(k knownKey) bool { return bytes.Equal(k.key.Marshal(), key.Marshal()) })
}

func (k *knownHosts) isRevoked(key ssh.PublicKey) bool {
	return slices.ContainsFunc(k.revoked, func(r ssh.PublicKey) bool { return bytes.Equal(r.Marshal(), key.Marshal()) })
}

// refuse returns the error for a key that isn't known.
func (k *knownHosts) refuse(key ssh.PublicKey) error {
	e := &HostKeyError{Host: k.name, Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), Revoked: k.isRevoked(key)}
	connect := "ssh " + k.alias
	if _, port, err := net.SplitHostPort(k.name); err == nil {
		connect = "ssh -p " + port + " " + k.alias
	}
	e.advice = fmt.Sprintf("compare that with what the server's owner says it is, then accept it with %q", connect)
	for _, known := range k.keys {
		e.Known = append(e.Known, known.place)
	}
	if len(k.keys) > 0 {
		file := k.keys[0].place[:strings.LastIndexByte(k.keys[0].place, ':')]
		e.advice = fmt.Sprintf("if the server's owner says it was changed, remove the old one with \"ssh-keygen -R %s -f %s\" and accept the new one with %q", shellQuote(k.name), shellQuote(file), connect)
	}
	return e
}

// shellQuote quotes a text that a shell would split.
func shellQuote(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/.-_:~", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
