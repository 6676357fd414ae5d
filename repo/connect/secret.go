package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/qsnap/qsnap/internal/keyring"
	"github.com/qsnap/qsnap/repo"
)

// A Secret says where the password or key that unlocks a repository comes from. Of its
// fields the first that is set counts, in their order down to PasswordCommand; then come the
// environment's PASSWORD, PASSWORD_FILE, PASSWORD_COMMAND and KEY_FILE; then the rest of the
// fields. The zero value is the environment.
type Secret struct {
	// Value is the secret itself.
	Value *repo.Secret
	// KeyFile is a file with a key or a recovery sheet.
	KeyFile string
	// PasswordFile is a file whose first line is the password.
	PasswordFile string
	// PasswordCommand is a command line for a shell. The first line that it prints is the
	// password.
	PasswordCommand string

	// Variables is what the names of the environment's variables begin with: "QSNAP_" if
	// empty.
	Variables string

	// DefaultKeyFile is the KeyFile if nothing else is given.
	DefaultKeyFile string
	// Perhaps is tried if nothing else is given, and may be wrong.
	Perhaps *repo.Secret
	// Ask asks a person for a password, which what describes. It is called last, and only if
	// there is a repository. Nil asks nobody: without a secret the error is ErrNoSecret.
	Ask func(what string) (repo.Secret, error)

	// NoKeyring keeps the kernel from remembering for a day what saves the time that it
	// takes to check a password. Keys, and passwords of a command, which may come from a
	// vault, are never remembered.
	NoKeyring bool

	// Getenv and Stderr are as in Config. Open and Init take those of the Config if they are
	// nil.
	Getenv func(name string) string
	Stderr io.Writer
}

// within returns the secret with what it has in common with a Config.
func (s Secret) within(c Config) Secret {
	if s.Getenv == nil {
		s.Getenv = c.Getenv
	}
	if s.Stderr == nil {
		s.Stderr = c.Stderr
	}
	return s
}

// Find returns the secret that is given, if any is, without DefaultKeyFile and what follows
// it.
func (s Secret) Find(ctx context.Context) (found repo.Secret, given bool, err error) {
	if s.Value != nil {
		return *s.Value, true, nil
	}
	getenv, prefix := s.Getenv, s.Variables
	if getenv == nil {
		getenv = os.Getenv
	}
	if prefix == "" {
		prefix = "QSNAP_"
	}
	command := func(line string) (repo.Secret, error) {
		password, err := passwordOfCommand(ctx, line, s.Stderr)
		return repo.Passphrase(password), err
	}
	password := func(v string) (repo.Secret, error) { return repo.Passphrase(v), nil }
	for _, source := range []struct {
		value      string
		read       func(string) (repo.Secret, error)
		remembered bool
	}{
		{s.KeyFile, Key, false},
		{s.PasswordFile, Password, true},
		{s.PasswordCommand, command, false},
		{getenv(prefix + "PASSWORD"), password, true},
		{getenv(prefix + "PASSWORD_FILE"), Password, true},
		{getenv(prefix + "PASSWORD_COMMAND"), command, false},
		{getenv(prefix + "KEY_FILE"), Key, false},
	} {
		if source.value != "" {
			found, err := source.read(source.value)
			if source.remembered && !s.NoKeyring {
				found = found.WithUnlockCache(keyring.Keyring{})
			}
			return found, true, err
		}
	}
	return repo.Secret{}, false, nil
}

// Key returns the key in a file, or in a recovery sheet.
func Key(file string) (repo.Secret, error) {
	text, err := readNamed("key file", file)
	if err != nil {
		return repo.Secret{}, badConfig(err)
	}
	s, err := repo.ParseKey(string(text))
	if err != nil {
		return repo.Secret{}, badConfig(fmt.Errorf("%s: %w", file, err))
	}
	return s, nil
}

// readNamed reads a file. An error says what the file is for.
func readNamed(what, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", what, file, err)
	}
	return text, err
}

// Password returns the password in the first line of a file.
func Password(file string) (repo.Secret, error) {
	line, err := passwordInFile(file)
	return repo.Passphrase(line), err
}
