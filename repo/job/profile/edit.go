package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/internal/yamledit"
)

// Add adds a profile to the configuration in a file, which is made if it isn't there. Nothing
// is written if the profile would not check; the error is then a Problems.
func Add(path string, getenv func(string) string, name string, settings []Setting) error {
	if text := badName(name); text != "" {
		return fmt.Errorf("profile %s: %s", shown(name), text)
	}
	return edit(path, getenv, name, func(s *Set, t *yamledit.Text) error {
		if err := s.absent(name); err != nil {
			return err
		}
		value := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, setting := range settings {
			n, err := setting.node()
			if err == nil {
				value, err = yamledit.With(value, strings.Split(setting.Key, "."), n)
			}
			if err != nil {
				return err
			}
		}
		return t.Set([]string{"profiles", name}, value)
	})
}

// absent returns an error if there is a profile with a name.
func (s *Set) absent(name string) error {
	if e, there := s.nodes[name]; there {
		return fmt.Errorf("there is a profile %q already, in %s:%d: \"qsnap profile set\" changes it", name, s.where[e.key], e.key.Line)
	}
	return nil
}

// Change gives keys of a profile other values. Nothing is written if the profile would not
// check; the error is then a Problems.
func Change(path string, getenv func(string) string, name string, settings []Setting) error {
	return edit(path, getenv, name, func(s *Set, t *yamledit.Text) error {
		if _, there := s.nodes[name]; !there {
			return s.noProfile(name)
		}
		return set(t, name, settings)
	})
}

// set gives keys of a profile other values, and takes out the keys that these exclude.
func set(t *yamledit.Text, name string, settings []Setting) error {
	for _, setting := range settings {
		n, err := setting.node()
		if err != nil {
			return err
		}
		path := append([]string{"profiles", name}, strings.Split(setting.Key, ".")...)
		if err := t.Set(path, n); err != nil {
			return err
		}
		for _, other := range alternatives(path[2:]) {
			if _, err := t.Remove(append(slices.Clone(path[:len(path)-1]), other)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove removes a profile or, if keys are given, these keys of it.
func Remove(path string, getenv func(string) string, name string, keys []string) error {
	return edit(path, getenv, name, func(s *Set, t *yamledit.Text) error {
		if _, there := s.nodes[name]; !there {
			return s.noProfile(name)
		}
		if len(keys) == 0 {
			_, err := t.Remove([]string{"profiles", name})
			return err
		}
		for _, key := range keys {
			found, err := t.Remove(append([]string{"profiles", name}, strings.Split(key, ".")...))
			switch {
			case err != nil:
				return err
			case !found:
				return fmt.Errorf("profile %s has no key %q of its own", name, key)
			}
		}
		return nil
	})
}

// edit changes the file that has a profile, or the main file, and writes it if the profile
// checks. The change may add targets with these names.
func edit(path string, getenv func(string) string, name string, change func(*Set, *yamledit.Text) error, targets ...string) error {
	s, err := load(path, getenv, nil)
	if errors.Is(err, ErrNoFile) {
		s, err = load(path, getenv, map[string][]byte{path: nil})
	}
	if err != nil {
		return err
	}
	file := path
	if e, there := s.nodes[name]; there {
		file = s.where[e.key]
	}
	i := slices.IndexFunc(s.files, func(d *document) bool { return d.name == file })
	doc := s.files[i]
	if doc.root == nil && len(errorsOf(s.problems)) > 0 {
		return errorsOf(s.problems)
	}
	t, err := yamledit.Parse(doc.text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := change(s, t); err != nil {
		return err
	}
	after := t.Bytes()
	if err := s.accepts(file, after, name, targets); err != nil {
		return err
	}
	return write(file, doc.text, after)
}

// accepts returns why an edited file must not be written: because the profile would not
// check, because others would not any more, or because other things have changed, too.
func (s *Set) accepts(file string, after []byte, name string, added []string) error {
	next, err := load(s.path, s.getenv, map[string][]byte{file: after})
	if err != nil {
		return err
	}
	if wrong := errorsOf(next.wrong[name]); len(wrong) > 0 {
		return wrong
	}
	texts := map[string]bool{}
	for _, p := range s.problems {
		texts[p.Key+p.Text] = true
	}
	for _, p := range errorsOf(next.problems) {
		if !texts[p.Key+p.Text] {
			return Problems{p}
		}
	}
	for other, e := range s.nodes {
		if other != name && !same(e.value, next.nodes[other].value) {
			return fmt.Errorf("%s: %w", file, yamledit.ErrByHand)
		}
	}
	now := maps.Clone(next.targets)
	maps.DeleteFunc(now, func(name string, _ Target) bool {
		_, before := s.targets[name]
		return !before && slices.Contains(added, name)
	})
	if !maps.EqualFunc(s.targets, now, func(a, b Target) bool { return a.URL == b.URL }) {
		return fmt.Errorf("%s: %w", file, yamledit.ErrByHand)
	}
	return nil
}

// same reports whether two values are the same, however they are written.
func same(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value &&
		(a.Kind == yaml.AliasNode || slices.EqualFunc(a.Content, b.Content, same))
}
