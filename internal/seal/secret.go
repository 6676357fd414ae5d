package seal

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/zeebo/blake3"
)

// A Secret opens a repository. It is a passphrase, a key file or a recovery sheet.
type Secret struct {
	passphrase []byte
	key        []byte   // of a key file
	ring       *Keyring // of a recovery sheet
}

// Passphrase returns a passphrase as a Secret.
func Passphrase(p []byte) Secret { return Secret{passphrase: bytes.Clone(p)} }

// IsZero reports whether the secret is the zero Secret, which opens nothing.
func (s Secret) IsZero() bool { return s.passphrase == nil && s.key == nil && s.ring == nil }

// A key file and a recovery sheet are text. Lines that begin with # are comments. Every
// other line carries 16 bytes:
//
//	qsnap-key      1/2  GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ
//	qsnap-recovery 1/2  …
//
// They are written as 32 characters of base32 (RFC 4648, upper or lower case, dashes and
// spaces ignored): the 16 bytes, then the first 4 bytes of the BLAKE3 hash of the line's
// first word, its number, the count of lines (each as one byte) and the 16 bytes. So a
// typing error is found in its line. A key file has two lines, a recovery sheet two for
// each epoch of its key ring.
const (
	keyTag      = "qsnap-key"
	recoveryTag = "qsnap-recovery"
	lineBytes   = 16
	checkBytes  = 4
	maxLines    = 255
)

// NewKeyFile returns the text of a new random key file, without comments.
func NewKeyFile(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	var key [KeySize]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return "", fmt.Errorf("random key: %w", err)
	}
	return encodeLines(keyTag, key[:]), nil
}

// RecoverySheet returns the lines that open the repository even if all its key slots are
// lost. A ring of more than 127 epochs doesn't fit on a sheet.
func RecoverySheet(ring *Keyring) (string, error) {
	b := ring.bytes()
	if len(b)/lineBytes > maxLines {
		return "", errors.New("recovery sheet: too many key epochs to print")
	}
	return encodeLines(recoveryTag, b), nil
}

// ParseSecret reads the text of a key file or of a recovery sheet.
func ParseSecret(text []byte) (Secret, error) {
	var tag string
	var secret []byte
	var number, count int
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part, t, n, of, err := decodeLine(line)
		if err != nil {
			return Secret{}, err
		}
		if n != number+1 || number > 0 && (t != tag || of != count) {
			return Secret{}, fmt.Errorf("key file: line %q: expected line %d", lineLabel(line), number+1)
		}
		tag, number, count = t, n, of
		secret = append(secret, part...)
	}
	switch {
	case lines.Err() != nil:
		return Secret{}, fmt.Errorf("key file: %w", lines.Err())
	case number == 0:
		return Secret{}, errors.New("not a qsnap key file: it has no line that begins with " + keyTag + " or " + recoveryTag)
	case number != count:
		return Secret{}, fmt.Errorf("key file: it ends after line %d of %d", number, count)
	case tag == recoveryTag:
		ring, err := parseKeyring(secret)
		return Secret{ring: ring}, err
	case len(secret) != KeySize:
		return Secret{}, errors.New("key file: wrong length")
	}
	return Secret{key: secret}, nil
}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

func encodeLines(tag string, secret []byte) string {
	var out strings.Builder
	count := len(secret) / lineBytes
	for n := 1; n <= count; n++ {
		part := secret[(n-1)*lineBytes : n*lineBytes]
		text := base32Text.EncodeToString(append(bytes.Clone(part), lineCheck(tag, n, count, part)...))
		fmt.Fprintf(&out, "%s %d/%d ", tag, n, count)
		for ; text != ""; text = text[4:] {
			sep := "-"
			if len(text) == 4 {
				sep = "\n"
			}
			out.WriteString(text[:4] + sep)
		}
	}
	return out.String()
}

func decodeLine(line string) (part []byte, tag string, n, count int, err error) {
	fields := strings.Fields(line)
	if len(fields) < 3 || fields[0] != keyTag && fields[0] != recoveryTag {
		return nil, "", 0, 0, fmt.Errorf("not a qsnap key file: line %q is neither a comment nor a key", lineLabel(line))
	}
	bad := func(what string) error { return fmt.Errorf("key file: line %q: %s", lineLabel(line), what) }
	if _, err := fmt.Sscanf(fields[1], "%d/%d", &n, &count); err != nil || n < 1 || n > count || count > maxLines {
		return nil, "", 0, 0, bad("its number is not like 1/2")
	}
	text := strings.ToUpper(strings.ReplaceAll(strings.Join(fields[2:], ""), "-", ""))
	b, err := base32Text.DecodeString(text)
	if err != nil || len(b) != lineBytes+checkBytes {
		return nil, "", 0, 0, bad("it needs 32 letters A to Z and digits 2 to 7")
	}
	part = b[:lineBytes]
	if subtle.ConstantTimeCompare(b[lineBytes:], lineCheck(fields[0], n, count, part)) == 0 {
		return nil, "", 0, 0, bad("a character is wrong")
	}
	return part, fields[0], n, count, nil
}

// lineLabel returns the part of a line that an error may show: never the key itself.
func lineLabel(line string) string {
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[0] != keyTag && fields[0] != recoveryTag || len(fields[1]) > 7 {
		return "…"
	}
	return fields[0] + " " + fields[1]
}

func lineCheck(tag string, n, count int, part []byte) []byte {
	h := blake3.New()
	h.Write([]byte(tag))
	h.Write([]byte{byte(n), byte(count)})
	h.Write(part)
	return h.Sum(nil)[:checkBytes]
}
