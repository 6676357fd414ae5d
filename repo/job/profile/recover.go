package profile

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/internal/yamledit"
)

// Recover adds a profile to the configuration in a file, which is made if it isn't there, from
// the settings that a snapshot's manifest has (see Profile.Settings). Targets that the
// configuration lacks are added, too. Changes give keys other values, such as where the key
// is now. The profile is paused, so that it isn't run before somebody has looked at it, and
// not by two machines. Nothing is written if it would not check; the error is then a Problems.
func Recover(path string, getenv func(string) string, name string, settings []byte, changes []Setting) error {
	const from = "the settings of the snapshot"
	was, err := load(from, getenv, map[string][]byte{from: settings})
	if err != nil {
		return err
	}
	found, there := was.nodes[name]
	if !there {
		if wrong := errorsOf(was.problems); len(wrong) > 0 {
			return wrong
		}
		return fmt.Errorf("%s have no profile %q", from, name)
	}
	targets := was.files[0].targets()
	return edit(path, getenv, name, func(s *Set, t *yamledit.Text) error {
		if err := s.absent(name); err != nil {
			return err
		}
		for target, value := range targets {
			if _, there := s.targets[target]; there {
				continue
			}
			if err := t.Set([]string{"targets", target}, value); err != nil {
				return err
			}
		}
		if err := t.Set([]string{"profiles", name}, found.node()); err != nil {
			return err
		}
		return set(t, name, append(changes, Setting{Key: "paused", Value: "true"}))
	}, slices.Collect(maps.Keys(targets))...)
}

// targets returns the targets in a file as they are written there.
func (d *document) targets() map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for i := 0; d.root != nil && i+1 < len(d.root.Content); i += 2 {
		key, all := d.root.Content[i], d.root.Content[i+1]
		for j := 0; key.Value == "targets" && all.Kind == yaml.MappingNode && j+1 < len(all.Content); j += 2 {
			out[all.Content[j].Value] = all.Content[j+1]
		}
	}
	return out
}
