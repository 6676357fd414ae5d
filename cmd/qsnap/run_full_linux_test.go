package main

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestARunIsRecordedWhenTheDiskOfTheHistoryIsFull(t *testing.T) {
	s := newSession(t)
	mountTmpfs(t, s.path("state"), "512k")
	s.write("config.yaml", []byte("profiles:\n  app: {repo: repo, key-file: key, sources: tree, schedule: {every: 1h}, limits: {mode: \"off\"}}\n"))
	s.env = append(s.env, "QSNAP_CONFIG="+s.path("config.yaml"))
	s.write("tree/a", []byte("first"))
	s.run("init", "--key-file", "key")
	s.run("run", "app")
	f, err := os.Create(s.path("state/filler"))
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	s.write("tree/a", []byte("second"))
	out, code := s.try("run", "app")
	if code != 0 || strings.Count(out, "no space left on device: make room on its disk\n") != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if history := s.run("history", "-p", "app", "--json"); strings.Count(history, `"message_type":"run"`) != 2 {
		t.Errorf("the history has %s", history)
	}
}
