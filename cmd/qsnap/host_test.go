package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThisHostIsWhatTheVariableSays(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tree"), 0o700); err != nil {
		t.Fatal(err)
	}
	system, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	qsnap := func(host string, args ...string) (int, string) {
		code, out, said := runIn(t.Context(), map[string]string{"QSNAP_HOST": host},
			append([]string{"-r", dir + "/r", "--key-file", dir + "/key", "--cache-dir", dir + "/cache"}, args...)...)
		return code, out + said
	}
	if code, out := qsnap("web1", "init"); code != 0 {
		t.Fatal(out)
	}
	if _, out := qsnap("", "key", "list", "--json"); !strings.Contains(out, `"hostName":"web1"`) {
		t.Errorf("key: %s", out)
	}
	for _, c := range []struct{ variable, flag, want string }{{"", "", system}, {"web1", "", "web1"}, {"web1", "web2", "web2"}, {" a,b ", "", " a,b "}} {
		args := []string{"snapshot", dir + "/tree"}
		if c.flag != "" {
			args = append(args, "--host", c.flag)
		}
		if code, out := qsnap(c.variable, args...); code != 0 {
			t.Fatal(out)
		}
		if _, out := qsnap("", "snapshots", "latest", "--json"); !strings.Contains(out, `"hostname":"`+c.want+`"`) {
			t.Errorf("%q: %s", c, out)
		}
	}
	if code, out := qsnap("a\nb", "snapshots"); code != exitUsage || !strings.HasPrefix(out, "qsnap: QSNAP_HOST ") {
		t.Error(code, out)
	}
}
