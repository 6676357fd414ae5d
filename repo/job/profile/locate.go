package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Variable is the environment variable that names the configuration.
const Variable = "QSNAP_CONFIG"

// ErrNoFile means that there is no configuration.
var ErrNoFile = errors.New("there is no configuration")

// Locate returns where the configuration is, or would be: in the file that the flag names, or
// else $QSNAP_CONFIG. Otherwise root has /etc/qsnap/config.yaml. Others have
// $XDG_CONFIG_HOME/qsnap/config.yaml, or the system's file if they have none of their own.
func Locate(getenv func(string) string, flag string) (string, error) {
	if flag == "" {
		flag = getenv(Variable)
	}
	if flag != "" {
		name, err := filepath.Abs(flag)
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			name = filepath.Join(name, "config.yaml")
		}
		return name, nil
	}
	system := systemFile(getenv)
	if os.Geteuid() == 0 {
		return system, nil
	}
	own, err := userFile(getenv)
	if err != nil {
		return "", err
	}
	if !exists(own) && exists(system) {
		return system, nil
	}
	return own, nil
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func systemFile(getenv func(string) string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(getenv("ProgramData"), "qsnap", "config.yaml")
	}
	return "/etc/qsnap/config.yaml"
}

func userFile(getenv func(string) string) (string, error) {
	var dir string
	switch home := home(getenv); {
	case filepath.IsAbs(getenv("XDG_CONFIG_HOME")):
		dir = getenv("XDG_CONFIG_HOME")
	case runtime.GOOS == "windows":
		dir = getenv("AppData")
	case home != "" && runtime.GOOS == "darwin":
		dir = filepath.Join(home, "Library", "Application Support")
	case home != "":
		dir = filepath.Join(home, ".config")
	}
	if dir == "" {
		return "", fmt.Errorf("nobody knows where the configuration is: name it with --config or $%s", Variable)
	}
	return filepath.Join(dir, "qsnap", "config.yaml"), nil
}

// home returns the user's home directory, or nothing.
func home(getenv func(string) string) string {
	if runtime.GOOS == "windows" {
		return getenv("USERPROFILE")
	}
	return getenv("HOME")
}
