package main

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo/connect"
)

// A repoRef says where a repository or another target is, and what opens it.
type repoRef struct {
	location   connect.Location
	shown      string // the location as messages name it
	objectLock string // the value of --object-lock
	keyFile    string // of the default repository, or empty
	profile    string // the name of the profile whose repository it is, or empty

	reached *connect.Config // how a profile says that it is reached, or nil
}

func (at repoRef) String() string { return at.shown }

// flag returns the flag that names the repository.
func (at repoRef) flag() string {
	if at.profile != "" {
		return "-p " + at.profile
	}
	return "--repo " + at.shown
}

// refTo returns the reference to a location.
func (p *program) refTo(name string) (repoRef, error) {
	if at, ok := p.profileReplica(name); ok {
		return at, nil
	}
	l := connect.Location(name)
	return repoRef{location: l, shown: l.String()}, usage(connect.Config{Location: l, Schemes: p.schemes}.Check())
}

// repository returns the repository that --repo or the profile names, or the default one.
func (p *program) repository(c *cli.Context) (at repoRef, err error) {
	if p.profile != nil && !p.explicit("repo") {
		at = p.profile.at
		if !p.explicit("object-lock") {
			return at, nil
		}
	} else if name := c.String("repo"); name != "" {
		if at, err = p.refTo(name); err != nil {
			return at, err
		}
	} else {
		data, config, err := p.userDirs()
		if err != nil {
			return repoRef{}, hint{err, "name a repository with --repo"}
		}
		dir := filepath.Join(data, "default")
		at = repoRef{location: connect.Directory(dir), shown: dir, keyFile: filepath.Join(config, "default.key")}
	}
	at.objectLock = c.String("object-lock")
	return at, usage(connect.Config{Location: at.location, Schemes: p.schemes, ObjectLock: at.objectLock}.Check())
}

// userDirs returns the directories for qsnap's data and settings of the user.
func (p *program) userDirs() (data, config string, err error) {
	config, err = os.UserConfigDir()
	if err != nil {
		return "", "", err
	}
	data = p.getenv("XDG_DATA_HOME")
	switch {
	case data != "" && filepath.IsAbs(data):
	case runtime.GOOS == "windows":
		data = p.getenv("LOCALAPPDATA")
	case runtime.GOOS == "darwin":
		data = config
	default:
		data = filepath.Join(p.getenv("HOME"), ".local", "share")
	}
	return filepath.Join(data, "qsnap"), filepath.Join(config, "qsnap"), nil
}
