package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo/job/profile"
)

// keyless are the flags that no profile has a key for: a dry run, what a stream needs, and
// what permits forget and prune to go further than they should.
var keyless = map[string][]string{
	"snapshot": {"dry-run", "stdin", "stdin-filename", "command"},
	"forget":   {"dry-run", "allow-empty"},
	"prune":    {"dry-run", "allow-no-snapshots"},
}

// keyOf returns the key of a profile that stands for a flag of a command.
func keyOf(command, flag string) string {
	other := map[string]string{
		"snapshot tag": "tags", "snapshot allow-empty-source": "sources.may-be-empty", "forget host": "host",
	}
	if key, ok := other[command+" "+flag]; ok {
		return key
	}
	return map[string]string{"snapshot": "", "forget": "retention.", "prune": "prune.", "check": "verify."}[command] + flag
}

// inSchema reports whether a profile has a key.
func inSchema(t *testing.T, key string) bool {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal(profile.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	at := schema["properties"].(map[string]any)["profiles"].(map[string]any)["additionalProperties"].(map[string]any)
	for name := range strings.SplitSeq(key, ".") {
		at = inner(at, name)
		if at == nil {
			return false
		}
	}
	return true
}

// inner returns the schema of a key.
func inner(s map[string]any, name string) map[string]any {
	if p, ok := s["properties"].(map[string]any); ok {
		if found, ok := p[name].(map[string]any); ok {
			return found
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		if found := inner(items, name); found != nil {
			return found
		}
	}
	all, _ := s["anyOf"].([]any)
	for _, other := range all {
		if found := inner(other.(map[string]any), name); found != nil {
			return found
		}
	}
	return nil
}

func TestEveryFlagOfAJobIsAKeyOfAProfile(t *testing.T) {
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	flags := func(name string) (out []string) {
		app := p.app()
		i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.Name == name })
		for _, f := range app.Commands[i].Flags {
			out = append(out, f.Names()[0])
		}
		return out
	}
	found := 0
	for _, command := range []string{"snapshot", "forget", "prune", "check"} {
		for _, flag := range flags(command) {
			of := command
			if command == "forget" && slices.Contains(flags("prune"), flag) && flag != "dry-run" {
				of = "prune"
			}
			if slices.Contains(keyless[of], flag) {
				continue
			}
			found++
			if key := keyOf(of, flag); !inSchema(t, key) {
				t.Errorf("qsnap %s --%s: a profile has no key %s", command, flag, key)
			}
		}
	}
	if found < 45 {
		t.Errorf("only %d flags were found", found)
	}
}

func TestAProfileSetsTheFlagsOfItsKeys(t *testing.T) {
	var all profile.Profile
	all.Tags, all.Host, all.Level, all.Parent, all.Compression = []string{"a"}, "web1", "full", "ab", "max"
	all.Exclude, all.ExcludeFile, all.IgnoreFile = []string{"*.tmp"}, []profile.Path{"/e"}, []string{".gitignore"}
	all.ExcludeCaches, all.OneFileSystem, all.Force, all.IgnoreCTime, all.IgnoreInode, all.Verbose = true, true, true, true, true, true
	all.ExcludeLargerThan, all.Sources = 1<<20, []profile.Source{{Path: "/srv", MayBeEmpty: true}}
	one, size, share, by := 1, profile.Size(1<<20), profile.Share(0.05), "host"
	all.Retention = profile.Retention{
		KeepLast: 1, KeepExtra: &one, KeepHourly: 1, KeepDaily: 1, KeepWeekly: 1, KeepMonthly: 1, KeepYearly: 1, KeepWithin: "1d", KeepTag: []string{"a"},
		GroupBy: &by, Path: []profile.Path{"/srv"}, Tag: []string{"a"}, Kind: []string{"source"}, Installation: "00000000000000000000000000000001",
	}
	all.Prune = profile.Prune{MaxUnused: &share, MaxRepackSize: &size, TimeBudget: profile.Duration(1e9), DropPending: []string{"ab"}, Wait: profile.Duration(1e9)}
	all.Verify = profile.Verify{ReadData: true, ReadDataSubset: "5%", NoKey: true}
	values := map[string]map[string][]string{
		"snapshot": takingFlags(all), "forget": keepingFlags(all.Retention), "prune": pruningFlags(all.Prune), "check": checkingFlags(all.Verify),
	}
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	for _, c := range p.app().Commands {
		for _, f := range c.Flags {
			flag, of := f.Names()[0], c.Name
			switch {
			case values[of] == nil, slices.Contains(keyless[of], flag), of == "forget" && (flag == "host" || flag == "prune"): // see ofProfile; a forget prunes only if asked to
				continue
			case of == "forget" && values["prune"][flag] != nil, of == "forget" && flag == "allow-no-snapshots":
				of = "prune"
			}
			if slices.Contains(keyless[of], flag) || flag == "allow-empty-source" { // of single sources
				continue
			}
			if len(values[of][flag]) == 0 {
				t.Errorf("qsnap %s --%s has no value", c.Name, flag)
			}
			for _, v := range values[of][flag] {
				if err := checkValue(f, v, nil); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
