package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unit is the systemd unit of the service. Hooks may have to do anything, so it has only the
// settings that hinder nobody.
const unit = `[Unit]
Description=qsnap: runs all profiles when they are due
Documentation=https://github.com/qsnap/qsnap
%s
[Service]
Type=notify
ExecStart=%s
ExecReload=kill -HUP $MAINPID
Restart=on-failure
RestartSec=10
# The service tells its runs to end, and waits a minute for them.
KillMode=mixed
TimeoutStopSec=2min
WatchdogSec=3min
# Another service runs, or the configuration can't be used.
RestartPreventExitStatus=2 6
%s
LockPersonality=yes
RestrictRealtime=yes
KeyringMode=private

[Install]
WantedBy=%s
`

// unitText returns the unit: that of the machine, or that of a user.
func unitText(program string, system bool) string {
	word := strings.ReplaceAll(strings.ReplaceAll(program, "%", "%%"), "$", "$$")
	if strings.ContainsAny(word, " \t\"'\\;") {
		word = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
	}
	if !system {
		return fmt.Sprintf(unit, "", word, "UMask=0077", "default.target")
	}
	return fmt.Sprintf(unit, "Wants=network-online.target\nAfter=network-online.target\n", word,
		"UMask=0077\nStateDirectory=qsnap\nStateDirectoryMode=0700\nRuntimeDirectory=qsnap\nRuntimeDirectoryPreserve=yes", "multi-user.target")
}

// ownUnit returns the unit for this program and user.
func ownUnit() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	return unitText(program, os.Geteuid() == 0), nil
}
