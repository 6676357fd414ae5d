package ignore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A gitTree is a repository whose ignore files git is asked about.
type gitTree struct {
	root string
	env  []string
}

func newGitTree(t testing.TB) *gitTree {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("not compared with git, which is not installed")
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("not compared with git, since names are not raw bytes on this system")
	}
	home := t.TempDir()
	g := &gitTree{root: filepath.Join(home, "tree"), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
	}}
	for _, args := range [][]string{
		{"init", "-q", "--template=", g.root},
		{"-C", g.root, "config", "core.excludesFile", ""},
		{"-C", g.root, "config", "core.ignoreCase", "false"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Env = g.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	return g
}

// clear removes all but the repository itself.
func (g *gitTree) clear() error {
	entries, err := os.ReadDir(g.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == ".git" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(g.root, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// A scenario is a tree: directories, other paths, and ignore files by directory.
type scenario struct {
	dirs, files []string
	ignore      map[string]string
}

// paths returns all paths with what they are. A path can't be both.
func (s *scenario) paths() map[string]bool {
	isDir := map[string]bool{}
	for _, f := range s.files {
		isDir[f] = false
	}
	for _, d := range s.dirs {
		isDir[d] = true
	}
	for p := range isDir {
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			isDir[d] = true
		}
	}
	for d := range s.ignore {
		for ; d != "" && d != "."; d = path.Dir(d) {
			isDir[d] = true
		}
	}
	return isDir
}

// A decision is what decides about one path. Rule is empty if nothing does.
type decision struct {
	source, rule string
	excluded     bool
}

func (d decision) String() string {
	return fmt.Sprintf("excluded %t by %q of %q", d.excluded, d.rule, d.source)
}

// ask returns git's decisions. Git wants to see directories; of files the names
// are enough.
func (g *gitTree) ask(s scenario) (map[string]decision, error) {
	if err := g.clear(); err != nil {
		return nil, err
	}
	isDir := s.paths()
	var stdin bytes.Buffer
	for p, dir := range isDir {
		if dir {
			if err := os.MkdirAll(filepath.Join(g.root, p), 0o777); err != nil {
				return nil, err
			}
		}
		stdin.WriteString("./" + p + "\x00") // a colon at the beginning would be magic
	}
	for dir, content := range s.ignore {
		if err := os.WriteFile(filepath.Join(g.root, dir, ".gitignore"), []byte(content), 0o666); err != nil {
			return nil, err
		}
	}
	// Some patterns take git ages.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-C", g.root, "check-ignore", "--no-index", "-v", "-n", "-z", "--stdin")
	cmd.Env, cmd.Stdin = g.env, &stdin
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 1 && len(exit.Stderr) == 0 {
		err = nil // none of the paths is ignored
	} else if ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(isDir) == 0 {
		return nil, nil
	}
	if len(fields) != 4*len(isDir) {
		return nil, fmt.Errorf("git returns %d fields for %d paths", len(fields), len(isDir))
	}
	decisions := map[string]decision{}
	for f := range slices.Chunk(fields, 4) {
		d := decision{rule: f[2]}
		if d.rule != "" {
			d.source = f[0] + ":" + f[1]
			d.excluded = d.rule[0] != '!'
		}
		decisions[strings.TrimPrefix(f[3], "./")] = d
	}
	return decisions, nil
}

// A walker decides as one who does not enter excluded directories.
type walker struct {
	scenario
	sets map[string]*Set // of directories
}

// set returns the set for what is in dir.
func (w *walker) set(dir string) (*Set, error) {
	if s, ok := w.sets[dir]; ok {
		return s, nil
	}
	var s *Set
	if dir != "" {
		var err error
		if s, err = w.set(parent(dir)); err != nil {
			return nil, err
		}
	}
	rules, err := ParseFile(strings.NewReader(w.ignore[dir]), path.Join(dir, ".gitignore"))
	if err != nil {
		return nil, err
	}
	w.sets[dir] = s.With(dir, rules)
	return w.sets[dir], nil
}

func parent(p string) string { return p[:max(0, strings.LastIndexByte(p, '/'))] }

func (w *walker) decide(p string, isDir bool) (decision, error) {
	if up := parent(p); up != "" {
		if d, err := w.decide(up, true); err != nil || d.excluded {
			return d, err
		}
	}
	s, err := w.set(parent(p))
	if err != nil {
		return decision{}, err
	}
	rule, excluded := s.Match(p, isDir)
	if rule == nil {
		return decision{excluded: excluded}, nil
	}
	return decision{rule.Source(), rule.String(), excluded}, nil
}

// compare returns how many decisions there are, how many of them by a rule, and
// which differ from git's.
func (g *gitTree) compare(s scenario) (all, ruled int, differences []string, err error) {
	want, err := g.ask(s)
	if err != nil {
		return 0, 0, nil, err
	}
	w := walker{s, map[string]*Set{}}
	for p, isDir := range s.paths() {
		got, err := w.decide(p, isDir)
		if err != nil {
			return 0, 0, nil, err
		}
		if got != want[p] {
			differences = append(differences, fmt.Sprintf("%q (directory: %t): %v, git %v", p, isDir, got, want[p]))
		}
		all++
		if got.rule != "" {
			ruled++
		}
	}
	slices.Sort(differences)
	return all, ruled, differences, nil
}
