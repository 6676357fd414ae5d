package profile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// synonyms are what people write for a key.
var synonyms = map[string]string{
	"repository": "repo", "location": "url", "paths": "sources", "path": "sources", "source": "sources", "backup": "sources",
	"tag": "tags", "excludes": "exclude", "ignore": "exclude", "retain": "retention", "keep": "retention", "forget": "retention",
	"hook": "hooks", "check": "verify", "verification": "verify", "replica": "replicas", "copy": "copies", "limit": "limits",
	"hostname": "host", "interval": "every", "timezone": "zone", "run-before": "before", "run-after": "after",
	"keyfile": "key-file", "passwordfile": "password-file", "prio": "priority", "pause": "paused",
	"target": "targets", "profile": "profiles", "jobs": "profiles", "max-size": "exclude-larger-than",
}

// secrets are keys under which people write a secret.
var secrets = []string{"password", "passphrase", "passwd", "secret", "token", "key", "secret-key", "access-key", "repo-password"}

// unknown refuses a key, and says what was probably meant.
func (d *decoder) unknown(k *yaml.Node, key string, t reflect.Type) {
	if d.full() {
		return
	}
	name := strings.ReplaceAll(strings.ToLower(k.Value), "_", "-")
	fields := fieldsOf(t)
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	if slices.Contains(secrets, name) {
		ways := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
			return !slices.Contains([]string{"key-file", "password-file", "password-command", "credential", "token-file"}, n)
		})
		if len(ways) > 0 {
			d.fail(k, key, "a secret does not belong in the configuration: put it into a file of mode 0600 and name that with %s", orList(ways))
			return
		}
	}
	if k.Value == "<<" {
		d.fail(k, key, "merge keys are not read: write what profiles share into the profile named default")
		return
	}
	hint := didYouMean(name, names)
	if s := synonyms[name]; hint == "" && slices.Contains(names, s) {
		hint = fmt.Sprintf("; you probably mean %s", s)
	}
	if hint == "" {
		if paths := keyPaths(t, name); len(paths) > 0 {
			hint = fmt.Sprintf("; it is written as %s", paths[0])
		} else if paths := keyPaths(reflect.TypeFor[Profile](), name); len(paths) > 0 {
			hint = fmt.Sprintf("; in a profile there is %s", paths[0])
		}
	}
	d.fail(k, key, "there is no such key%s", hint)
}

// didYouMean returns what was probably meant, as the end of a sentence, or nothing.
func didYouMean(s string, known []string) string {
	best, least := "", min(3, 2+len(s)/4)
	for _, k := range known {
		if n := distance(strings.ToLower(s), k); n < least {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return "; you probably mean " + best
}

// distance is the number of letters to insert, delete, change or swap with their neighbours
// in order to get from a to b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}

// orList joins words such as "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
