package webdav

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A digest answers a challenge of RFC 7616, or of RFC 2069 if that has no qop. MD5 and
// SHA-256 are supported, each with "-sess"; of qop only "auth".
type digest struct {
	params map[string]string
	hash   func(string) string // nil if the algorithm is not supported
	sess   bool
	cnonce string // one for a whole session
	count  uint32
}

func newDigest(params map[string]string) *digest {
	d := &digest{params: params, cnonce: rand.Text()}
	algorithm, sess := strings.CutSuffix(strings.ToLower(params["algorithm"]), "-sess")
	d.sess = sess
	switch algorithm {
	case "", "md5":
		d.hash = func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	case "sha-256":
		d.hash = func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	}
	return d
}

// qop returns the chosen quality of protection, or an error if none is supported.
func (d *digest) qop() (string, error) {
	offered, ok := d.params["qop"]
	if !ok {
		return "", nil
	}
	words := strings.FieldsFunc(strings.ToLower(offered), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if !slices.Contains(words, "auth") {
		return "", fmt.Errorf("digest authentication of quality %q is not known here", offered)
	}
	return "auth", nil
}

// possible reports whether the challenge can be answered.
func (d *digest) possible() bool {
	_, err := d.qop()
	return err == nil && d.hash != nil && d.params["nonce"] != ""
}

// answer returns the Authorization header of a request. Calls must not overlap.
func (d *digest) answer(user, password, method, uri string) (string, error) {
	if d.hash == nil {
		return "", errors.New("a digest algorithm that is not known here")
	}
	qop, err := d.qop()
	if err != nil {
		return "", err
	}
	d.count++
	realm, nonce, nc := d.params["realm"], d.params["nonce"], fmt.Sprintf("%08x", d.count)
	secret := d.hash(user + ":" + realm + ":" + password)
	if d.sess {
		secret = d.hash(secret + ":" + nonce + ":" + d.cnonce)
	}
	request := d.hash(method + ":" + uri)
	parts := []string{"username=" + quote(user), "realm=" + quote(realm), "nonce=" + quote(nonce), "uri=" + quote(uri)}
	if qop == "" {
		parts = append(parts, "response="+quote(d.hash(secret+":"+nonce+":"+request)))
	} else {
		response := d.hash(strings.Join([]string{secret, nonce, nc, d.cnonce, qop, request}, ":"))
		parts = append(parts, "response="+quote(response), "qop="+qop, "nc="+nc)
	}
	if qop != "" || d.sess {
		parts = append(parts, "cnonce="+quote(d.cnonce))
	}
	for _, name := range []string{"algorithm", "opaque"} {
		v, ok := d.params[name]
		switch {
		case ok && name == "algorithm":
			parts = append(parts, name+"="+v)
		case ok:
			parts = append(parts, name+"="+quote(v))
		}
	}
	for _, p := range parts {
		if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", errors.New("a user's name or a challenge with control characters in it")
		}
	}
	return "Digest " + strings.Join(parts, ", "), nil
}
