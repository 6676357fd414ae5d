package state

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

// Default returns the state directory of this user: $STATE_DIRECTORY, which systemd sets,
// /var/lib/qsnap for root, and for others qsnap in $XDG_STATE_HOME or ~/.local/state.
func Default(getenv func(string) string) (string, error) {
	if first, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); first != "" {
		return first, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/qsnap", nil
	}
	for _, variable := range []string{"XDG_STATE_HOME", "LOCALAPPDATA"} {
		if base := getenv(variable); filepath.IsAbs(base) {
			return filepath.Join(base, "qsnap"), nil
		}
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", errors.New("there is no place for the state directory: set STATE_DIRECTORY or HOME")
		}
	}
	return filepath.Join(home, ".local", "state", "qsnap"), nil
}

// A Dir is a state directory. It is safe for concurrent use if its source of randomness is.
type Dir struct {
	path         string
	rand         io.Reader
	now          func() time.Time
	installation snapshot.Installation
}

// Open opens a state directory. It makes the directory, and draws the id of the
// installation, if they are not there. A directory that can't be written is opened for
// reading: its installation may be zero, and each write fails.
func Open(path string, rand io.Reader, now func() time.Time) (*Dir, error) {
	d := &Dir{path: path, rand: rand, now: now}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w: name another in STATE_DIRECTORY", err)
	}
	err := d.findInstallation()
	if err != nil && !isReadOnly(err) {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return d, nil
}

// isReadOnly reports whether an error says that something can't be written for good.
func isReadOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnly)
}

// Path returns the path of something in the directory.
func (d *Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// Now returns the time by the clock of the directory.
func (d *Dir) Now() time.Time { return d.now() }

// NewID returns a random id for a run: 16 hexadecimal digits.
func (d *Dir) NewID() (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(d.rand, b[:]); err != nil {
		return "", fmt.Errorf("draw the id of a run: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// Installation returns the id of this installation of qsnap. It is zero if the directory is
// read-only and has none.
func (d *Dir) Installation() snapshot.Installation { return d.installation }

// findInstallation reads the id of the installation, or draws it. Of two processes that do
// so at once, both get the id that was linked first.
func (d *Dir) findInstallation() error {
	name := d.Path("installation")
	err := d.readInstallation(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var id snapshot.Installation
	if _, err := io.ReadFull(d.rand, id[:]); err != nil {
		return fmt.Errorf("draw the id of the installation: %w", err)
	}
	beside, err := d.writeBeside(name, []byte(id.String()+"\n"))
	if err != nil {
		return err
	}
	defer os.Remove(beside)
	if err := os.Link(beside, name); err != nil && !errors.Is(err, fs.ErrExist) {
		if err := os.Rename(beside, name); err != nil { // a file system without links
			return err
		}
	}
	if err := syncDir(d.path); err != nil {
		return err
	}
	return d.readInstallation(name)
}

func (d *Dir) readInstallation(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	id, err := snapshot.ParseInstallation(strings.TrimSpace(string(b)))
	if err != nil {
		return fmt.Errorf("%s: %w: delete the file to begin as a new installation", name, err)
	}
	d.installation = id
	return nil
}
