package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/test/treetest"
)

// Each command that qsnap runs reads all it gets. Not a byte of standard input may be
// gone then.
func TestNoChildReadsStandardInput(t *testing.T) {
	s := newSession(t)
	s.run("init", "--key-file", "key")
	s.write("tree/f", []byte("f"))
	s.write("data", treetest.Bytes(1, 200_000))
	s.write("greedy", []byte("#!/bin/sh\ncat >/dev/null\necho pw\n"))
	s.write("bin/rclone", []byte("#!/bin/sh\ncat >/dev/null\nexit 1\n"))
	for _, name := range []string{"greedy", "bin/rclone"} {
		if err := os.Chmod(s.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write(".ssh/config", []byte("Host *\nProxyCommand head -c 4 >/dev/null\n"))
	s.env = append(s.env, "PATH="+s.path("bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for name, c := range map[string]struct {
		env, args string
		want      int
	}{
		"a password command":                  {"", "--password-command ./greedy snapshots", exitWrongSecret},
		"one in the environment":              {"QSNAP_KEY_FILE= QSNAP_PASSWORD_COMMAND=./greedy", "snapshots", exitWrongSecret},
		"another repository's":                {"", "copy --to repo --to-password-command ./greedy", exitWrongSecret},
		"the same in the environment":         {"QSNAP_TO_PASSWORD_COMMAND=./greedy", "copy --to repo", exitWrongSecret},
		"a target's password command":         {"QSNAP_TARGET_PASSWORD_COMMAND=./greedy", "-r webdav://u@127.0.0.1:1/x --retry-for 0s snapshots", exitUnreachable},
		"ssh's ProxyCommand":                  {"", "-r sftp://u@host/x --retry-for 0s snapshots", -1},
		"rclone":                              {"", "-r rclone:remote:x --retry-for 0s snapshots", -1},
		"rclone, for a new repository":        {"", "-r rclone:remote:x --retry-for 0s init", -1},
		"what a snapshot is taken of":         {"", "snapshot --command ./greedy", exitOK},
		"a pipe of such":                      {"", "snapshot --command cat|cat|./greedy", exitOK},
		"a snapshot, which starts nothing":    {"", "snapshot tree", exitOK},
		"a mistake, of which nobody is asked": {"QSNAP_KEY_FILE=", "snapshots", exitUsage},
	} {
		data, err := os.Open(s.path("data"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := s.command(strings.Fields(c.args)...)
		cmd.Stdin = data // of which the process gets the position, too
		cmd.Env = append(append([]string{}, cmd.Env...), strings.Fields(c.env)...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.want && c.want >= 0 || code == 0 && c.want != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, out)
		}
		if at, err := data.Seek(0, io.SeekCurrent); at != 0 || err != nil {
			t.Errorf("%s has read %d bytes of standard input, %v", name, at, err)
		}
		data.Close()
	}
}

func TestAPasswordCommandLeavesTheStreamWhole(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.env = append(s.env, "QSNAP_KEY_FILE=", "QSNAP_PASSWORD_COMMAND=cat >/dev/null; echo pw")
	s.run("init")
	data := treetest.Bytes(1, 300_000)
	cmd := s.command("-q", "snapshot", "--stdin")
	cmd.Stdin = bytes.NewReader(data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if out := s.run("cat", "latest:stdin"); out != string(data) {
		t.Errorf("%d bytes of %d", len(out), len(data))
	}
}
