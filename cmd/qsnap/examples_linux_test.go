package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo/job/calendar"
)

// The examples lie here.
const examples = "../../.github/examples/"

// An exampleHost is a directory that stands for a machine: absolute names of the examples lie
// below it.
type exampleHost struct {
	*testing.T
	dir string
	env []string
}

func newExampleHost(t *testing.T) *exampleHost {
	h := &exampleHost{T: t, dir: t.TempDir()}
	for _, dir := range []string{"srv/app", "srv/data", "backup", "etc/qsnap", "mnt", "bin", "home", "work", "tmp"} {
		h.check(os.MkdirAll(filepath.Join(h.dir, dir), 0o755))
	}
	for _, file := range []string{"srv/app/a.txt", "srv/data/a.txt", "work/a.txt"} {
		h.check(os.WriteFile(filepath.Join(h.dir, file), []byte("content\n"), 0o644))
	}
	h.env = []string{
		"PATH=" + filepath.Join(h.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + filepath.Join(h.dir, "home"), "TZ=UTC",
		"QSNAP_CONFIG=" + filepath.Join(h.dir, "etc/qsnap/config.yaml"), "STATE_DIRECTORY=" + filepath.Join(h.dir, "state"),
		"QSNAP_NO_KEYRING=1", "ROOT=" + h.dir,
	}
	return h
}

func (h *exampleHost) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// absolute matches the names in examples that lie below the directory.
var absolute = regexp.MustCompile(`(^|[\s"'\[(,=:])/(srv|backup|etc/qsnap|mnt)/`)

// text returns an example, with the names of this host.
func (h *exampleHost) text(name string) string {
	h.Helper()
	b, err := os.ReadFile(examples + name)
	h.check(err)
	return absolute.ReplaceAllString(string(b), "${1}"+h.dir+"/$2/")
}

// configure makes an example the configuration. Runs take what they can, so that the test is
// quick.
func (h *exampleHost) configure(name string) {
	h.Helper()
	text := h.text(name) + "\n  default:\n    limits: {mode: \"off\"}\n"
	h.check(os.WriteFile(filepath.Join(h.dir, "etc/qsnap/config.yaml"), []byte(text), 0o600))
}

// program puts a program in the place of one of the machine's.
func (h *exampleHost) program(name, script string) {
	h.Helper()
	h.check(os.WriteFile(filepath.Join(h.dir, "bin", name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
}

// sh runs a script in the directory work, and fails if it does.
func (h *exampleHost) sh(script string, env ...string) string {
	h.Helper()
	cmd := exec.CommandContext(h.Context(), "sh", "-euc", script)
	cmd.Dir, cmd.Env = filepath.Join(h.dir, "work"), append(slices.Clone(h.env), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// versions returns how many versions there are.
func (h *exampleHost) versions(args string, env ...string) int {
	h.Helper()
	var list []json.RawMessage
	h.check(json.Unmarshal([]byte(h.sh("qsnap --json snapshots "+args, env...)), &list))
	return len(list)
}

// fakeCrontab keeps the crontab in a file.
const fakeCrontab = `case $1 in
-l) cat "$ROOT/crontab" 2>/dev/null || { echo "no crontab for user" >&2; exit 1; } ;;
*) cp "$1" "$ROOT/crontab" ;;
esac`

func TestTheCommandsOfTheExamplesReadmeWork(t *testing.T) {
	if systemdRuns() {
		t.Skip("systemd runs here, and would get units")
	}
	h := newExampleHost(t)
	h.configure("config.yaml")
	h.program("crontab", fakeCrontab)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(h.text("README.md"), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d blocks", len(blocks))
	}
	var out strings.Builder
	for _, b := range blocks {
		out.WriteString(h.sh(b[1]))
	}
	for _, want := range []string{"app: version ", "app: cron runs it", "OnFailure=tell-me@%%n.service", "# BEGIN qsnap profile app", "Sun 2026-03-29 03:00:00 +02:00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing prints %q:\n%s", want, out.String())
		}
	}
	if n := h.versions("-p app"); n != 1 {
		t.Errorf("%d versions", n)
	}
}

func TestTheExampleOfACrontabWorks(t *testing.T) {
	h := newExampleHost(t)
	h.configure("config.yaml")
	h.sh("qsnap init -p app")
	ran := 0
	for line := range strings.Lines(h.text("crontab")) {
		words := strings.Fields(line)
		if len(words) < 6 || words[0] == "#" {
			continue
		}
		if _, err := calendar.Cron(strings.Join(words[:5], " "), time.UTC); err != nil {
			t.Error(err)
		}
		if out := h.sh(strings.ReplaceAll(strings.Join(words[5:], " "), "/usr/local/bin/", "")); out != "" {
			t.Errorf("cron would send: %s", out)
		}
		ran++
	}
	if n := h.versions("-p app"); ran != 2 || n != 1 {
		t.Errorf("%d lines, %d versions", ran, n)
	}
}

// steps returns the commands that lie below a key of a YAML file, and the variables.
func steps(t *testing.T, text, key string) (commands, env []string) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				switch name := n.Content[i-1].Value; {
				case name == key && child.Kind == yaml.ScalarNode:
					commands = append(commands, child.Value)
				case name == key:
					for _, c := range child.Content {
						commands = append(commands, c.Value)
					}
				case name == "env" || name == "variables":
					for j := 0; j < len(child.Content); j += 2 {
						env = append(env, child.Content[j].Value+"="+child.Content[j+1].Value)
					}
				}
			}
			walk(child)
		}
	}
	walk(&root)
	return commands, env
}

func TestTheExamplesForCIWork(t *testing.T) {
	for name, read := range map[string]func(text string) (commands, env []string){
		"github-actions.yml": func(text string) ([]string, []string) { return steps(t, text, "run") },
		"gitlab-ci.yml":      func(text string) ([]string, []string) { return steps(t, text, "script") },
		"Jenkinsfile": func(text string) (commands, env []string) {
			for _, m := range regexp.MustCompile(`(?m)^ *sh '(.*)'$`).FindAllStringSubmatch(text, -1) {
				commands = append(commands, m[1])
			}
			for _, m := range regexp.MustCompile(`(?m)^ *(QSNAP_[A-Z]+) = '(.*)'$`).FindAllStringSubmatch(text, -1) {
				env = append(env, m[1]+"="+m[2])
			}
			return commands, env
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newExampleHost(t)
			commands, env := read(h.text(name))
			if len(commands) < 2 || !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "QSNAP_HOST=") }) {
				t.Fatalf("commands %q, variables %q", commands, env)
			}
			env = slices.DeleteFunc(env, func(e string) bool { return strings.Contains(e, "${{") })
			secret := "QSNAP_KEY_FILE=" + h.dir + "/home/key" // opens more quickly than a password
			if name == "Jenkinsfile" {
				secret = "QSNAP_PASSWORD=secret"
			}
			env = append(env, "QSNAP_REPO="+h.dir+"/backup/ci", secret, "GITHUB_SHA=abc", "CI_COMMIT_SHA=abc", "BUILD_NUMBER=7", "RUNNER_TEMP="+h.dir+"/tmp")
			h.sh("qsnap init", env...)
			for range 2 {
				for _, command := range commands {
					h.sh(command, env...)
				}
				h.check(os.RemoveAll(h.dir + "/tmp/restored"))
			}
			if n := h.versions("", env...); n != 2 {
				t.Errorf("%d versions", n)
			}
		})
	}
}

func TestTheExampleOfAGitHookWorks(t *testing.T) {
	h := newExampleHost(t)
	h.configure("config.yaml")
	h.sh("qsnap init -p app")
	h.sh(`git init -q . && git config user.email a@example.org && git config user.name A
cp "$EXAMPLE" .git/hooks/post-commit
git add a.txt && git commit -qm one`, "EXAMPLE="+filepath.Join(packageDir, examples, "post-commit"))
	h.until(func() bool {
		b, _ := os.ReadFile(h.dir + "/work/.git/qsnap.log")
		return strings.Contains(string(b), "stored in")
	})
	h.sh("git commit -qm two --allow-empty")
	h.until(func() bool {
		b, _ := os.ReadFile(h.dir + "/work/.git/qsnap.log")
		return strings.Contains(string(b), "skipped")
	})
	if n := h.versions("-p app"); n != 1 {
		t.Errorf("%d versions", n)
	}
}

// until waits for what a process in the background does.
func (h *exampleHost) until(done func() bool) {
	h.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.Fatal("it didn't come")
		}
	}
}

// restored runs the profile data twice, after a snapshot of the volume that a crash has left,
// and returns what the newest version holds.
func (h *exampleHost) restored(source string) string {
	h.Helper()
	h.sh("qsnap init -p data")
	h.sh("qsnap run data")
	h.check(os.WriteFile(filepath.Join(h.dir, "srv/data/a.txt"), []byte("changed\n"), 0o644))
	h.sh("qsnap run data")
	if n := h.versions("-p data"); n != 2 {
		h.Errorf("%d versions", n)
	}
	if _, err := os.Stat(filepath.Join(h.dir, source, "a.txt")); err == nil {
		h.Errorf("%s is still there", source)
	}
	return h.sh("qsnap cat -p data latest:a.txt")
}

// btrfs and LVM are played by a copy of the directory. TestTheExampleOfBtrfsWorksOnBtrfs
// runs the real one.
func TestTheExamplesOfVolumesWork(t *testing.T) {
	t.Run("btrfs", func(t *testing.T) {
		h := newExampleHost(t)
		h.configure("btrfs.yaml")
		h.program("btrfs", `[ $1 = subvolume ]
case $2 in
snapshot) [ $3 = -r ] && [ ! -e "$5" ] && cp -a "$4" "$5" ;;
delete) rm -r "$3" ;;
*) exit 1 ;;
esac`)
		h.check(os.Mkdir(h.dir+"/srv/qsnap-source", 0o755)) // a crash has left it
		if got := h.restored("srv/qsnap-source"); got != "changed\n" {
			t.Errorf("the newest version holds %q", got)
		}
	})
	t.Run("LVM", func(t *testing.T) {
		h := newExampleHost(t)
		h.configure("lvm.yaml")
		h.program("lvs", `[ -e "$ROOT/volume" ]`)
		h.program("lvcreate", `[ "$*" = "--snapshot --name qsnap-source --size 5G vg/data" ] && [ ! -e "$ROOT/volume" ] && cp -a "$ROOT/srv/data" "$ROOT/volume"`)
		h.program("lvremove", `[ "$*" = "--yes vg/qsnap-source" ] && [ ! -e "$ROOT/mounted" ] && rm -r "$ROOT/volume"`)
		h.program("mountpoint", `[ -e "$ROOT/mounted" ]`)
		h.program("mount", `[ "$1 $2 $3" = "-o ro /dev/vg/qsnap-source" ] && : >"$ROOT/mounted" && cp -a "$ROOT/volume/." "$4"`)
		h.program("umount", `rm "$ROOT/mounted" && rm -r "$1"/*`)
		h.sh(`cp -a "$ROOT/srv/data" "$ROOT/volume"`) // a crash has left it
		if got := h.restored("mnt/qsnap-source"); got != "changed\n" {
			t.Errorf("the newest version holds %q", got)
		}
	})
}

func TestTheExampleOfBtrfsWorksOnBtrfs(t *testing.T) {
	for _, program := range []string{"mkfs.btrfs", "btrfs"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			if os.Getenv("QSNAP_TEST_SCHEDULERS") == "required" {
				t.Fatalf("%s: %v, or not root", program, err)
			}
			t.Skipf("%s is not installed, or this is not root", program)
		}
	}
	h := newExampleHost(t)
	h.configure("btrfs.yaml")
	h.sh(`truncate -s 200M "$ROOT/image" && mkfs.btrfs -q "$ROOT/image" && rm -r "$ROOT/srv/data"`)
	cmd := exec.CommandContext(t.Context(), "mount", "-o", "loop", h.dir+"/image", h.dir+"/srv")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("a btrfs can't be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { h.check(exec.Command("umount", h.dir+"/srv").Run()) })
	h.sh(`btrfs subvolume create "$ROOT/srv/data" && echo content >"$ROOT/srv/data/a.txt"`)
	h.sh(`btrfs subvolume snapshot -r "$ROOT/srv/data" "$ROOT/srv/qsnap-source"`) // a crash has left it
	if got := h.restored("srv/qsnap-source"); got != "changed\n" {
		t.Errorf("the newest version holds %q", got)
	}
}
