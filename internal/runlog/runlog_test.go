package runlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func begin(t *testing.T, dir, profile, id string) *Log {
	t.Helper()
	l, err := Begin(dir, profile, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestALogIsFoundByItsRunAndTheNewestByItsProfile(t *testing.T) {
	dir := t.TempDir()
	begin(t, dir, "app", "01").Info("first")
	begin(t, dir, "app", "02").Info("second")
	begin(t, dir, "a/p_p", "03").Info("third")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "app_01.log"), old, old); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"01": "first", "02": "second", "app": "second", "a/p_p": "third", "03": "third"} {
		path, err := Find(dir, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var out bytes.Buffer
		if err := Copy(t.Context(), path, nil, &out); err != nil || !strings.Contains(out.String(), `"msg":"`+want+`"`) {
			t.Errorf("%s: %v: %s", name, err, &out)
		}
	}
	for _, name := range []string{"p", "pp", "1", "*", ""} {
		_, err := Find(dir, name)
		if _, none := errors.AsType[*NoLog](err); !none {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestALogIsFollowedUntilItsRunEnds(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "app", "01")
	l.Info("first")
	path, err := Find(dir, "01")
	if err != nil || ID(path) != "01" {
		t.Fatal(path, err)
	}
	asked := 0
	goesOn := func() bool {
		asked++
		if asked == 2 { // what is written before the end is read
			l.Info("last")
			return false
		}
		return true
	}
	var out bytes.Buffer
	if err := Copy(t.Context(), path, goesOn, &out); err != nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%v: %s", err, &out)
	}
}

func TestLogsStayWithinTheirBounds(t *testing.T) {
	dir := t.TempDir()
	l := begin(t, dir, "app", "full")
	for range 2 * longestLog / 1000 {
		l.Info(strings.Repeat("x", 1000))
	}
	text, err := os.ReadFile(filepath.Join(dir, "app_full.log"))
	if err != nil || len(text) > longestLog || len(text) < longestLog/2 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			t.Fatal("a line is cut")
		}
	}
	for i := range keptLogs + 5 {
		begin(t, dir, "app", fmt.Sprint("n", i)).Close()
	}
	if names, err := filepath.Glob(dir + "/*.log"); err != nil || len(names) != keptLogs {
		t.Errorf("%d logs, %v", len(names), err)
	}
}

func TestALogThatCannotBeWrittenCostsNothingElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Begin(file, "app", "01")
	if err == nil {
		t.Error("no error")
	}
	l.Info("this goes nowhere")
	l.Close()
}
