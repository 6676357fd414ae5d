package keys

import "github.com/qsnap/qsnap/internal/seal"

// A Secret opens a repository.
type Secret struct {
	secret seal.Secret
	cache  UnlockCache // nil for none
}

// Passphrase returns the secret that a person types.
func Passphrase(p string) Secret { return Secret{secret: seal.Passphrase([]byte(p))} }

// ParseKey reads the text of a key file, as NewKey returns it, or of a recovery
// sheet, as RecoverySheet returns it. Lines that begin with # are comments.
func ParseKey(text []byte) (Secret, error) {
	s, err := seal.ParseSecret(text)
	return Secret{secret: s}, err
}
