package keys

import "github.com/qsnap/qsnap/internal/seal"

// A Secret opens a repository. It is a passphrase, a key file or a recovery sheet.
type Secret struct {
	secret seal.Secret
	cache  UnlockCache // nil for none
}

// Passphrase returns a passphrase as a secret.
func Passphrase(p string) Secret { return Secret{secret: seal.Passphrase([]byte(p))} }

// ParseKey parses the text of a key file, as NewKey returns it, or of a recovery sheet, as
// RecoverySheet returns it. Lines that begin with # are comments.
func ParseKey(text []byte) (Secret, error) {
	s, err := seal.ParseSecret(text)
	return Secret{secret: s}, err
}
