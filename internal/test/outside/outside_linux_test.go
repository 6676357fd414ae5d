package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/repo"
)

// build builds the program in a module of its own, which has nothing but the checkout and
// what that needs. No network is used.
func build(t *testing.T) (program string) {
	t.Helper()
	checkout, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(checkout, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	dir := t.TempDir()
	required := strings.Join(regexp.MustCompile(`(?ms)^require \(.*?^\)`).FindAllString(read("go.mod"), -1), "\n")
	for name, text := range map[string]string{
		"main.go": read("internal/test/outside/main.go"),
		"jobs.go": read("internal/test/outside/jobs.go"),
		"go.sum":  read("go.sum"),
		"go.mod": fmt.Sprintf("module example.com/outside\n\ngo 1.26\n\nrequire github.com/qsnap/qsnap v0.0.0\n\nreplace github.com/qsnap/qsnap => %s\n\n%s\n",
			checkout, required),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-mod=mod", "-ldflags=-s -w", "-o", program, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// start runs the program for a user whose home directory has nothing in it.
func start(t *testing.T, program, home string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"HOME=" + home, "QSNAP_KEY_FILE=" + filepath.Join(home, "key")}
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

func TestAProgramOutsideDoesWhatQsnapDoes(t *testing.T) {
	program := build(t)
	for _, kind := range servers.Kinds() {
		if !slices.Contains([]string{"go-ssh", "openssh"}, kind.Name) {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			s := kind.Start(t)
			home := t.TempDir()
			write := func(name, text string) string {
				t.Helper()
				name = filepath.Join(home, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return name
			}
			key, err := repo.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			write("key", key)
			write("app/hello.txt", "hello, world\n")
			source, restored := filepath.Join(home, "app"), filepath.Join(home, "restored")
			args := []string{"-location", s.URL(s.Addr), "-known-hosts", write("servers", s.KnownHosts(s.Addr)), "-identity", s.KeyFile, "-source", source, "-target", restored}

			for i, want := range []string{
				"app has 1 files\nchecked 1 snapshots; 0 retries\n",
				"app has 1 files\napp has 2 files\nchecked 2 snapshots; 0 retries\n",
				"app has 2 files\napp has 2 files\nchecked 2 snapshots; 0 retries\n", // the first was forgotten
			} {
				if i == 1 {
					write("app/more.txt", "more\n")
				}
				out, complaint, err := start(t, program, home, args...)
				if err != nil || out != want {
					t.Fatalf("run %d: %v: %s%s", i, err, out, complaint)
				}
				b, err := os.ReadFile(filepath.Join(restored, "hello.txt"))
				if err != nil || string(b) != "hello, world\n" {
					t.Errorf("restored %q, %v", b, err)
				}
			}

			args[3] = write("strangers", "")
			_, complaint, err := start(t, program, home, args...)
			if err == nil || !strings.Contains(complaint, "host key") && !strings.Contains(complaint, "known") {
				t.Errorf("a server that isn't known is trusted: %v, %s", err, complaint)
			}
		})
	}
}

func TestAProgramOutsideRunsJobs(t *testing.T) {
	program, home := build(t), t.TempDir()
	key, err := repo.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"key": key, "app/hello.txt": "hello, world\n"} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, complaint, err := start(t, program, home, "-jobs", filepath.Join(home, "config.yaml"))
	want := `schedule run, incremental: skipped: false
schedule run, : skipped: true
manual run, full: skipped: false
2 records, 0 under way, no service: true, true
no run to cancel: true
2 versions, 2 in the trend, the newest less than an hour old: true
1 profile in the report; the next run reads 0 bytes
0 versions taken over
0 checks failed
2 versions stay
`
	if err != nil || out != want {
		t.Errorf("%v: %s%s", err, out, complaint)
	}
}
