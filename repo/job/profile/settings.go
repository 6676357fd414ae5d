package profile

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo/connect"
)

// Settings returns the profile as a configuration of its own, with what it inherits and with
// its targets, but without defaults and secrets: for a snapshot's manifest, so that a machine
// of which nothing is left can get its job back.
func (p Profile) Settings() []byte { return slices.Clone(p.settings) }

// settingsOf returns what Settings returns. Bare is the profile without defaults.
func settingsOf(bare, p Profile) []byte {
	f := File{Profiles: map[string]Profile{p.Name: bare}}
	for _, l := range p.locations() {
		if l.Target == "" {
			continue
		}
		if f.Targets == nil {
			f.Targets = map[string]Target{}
		}
		t := l.at
		t.URL = connect.Location(t.URL).String()
		f.Targets[t.Name] = t
	}
	text, err := marshal(f)
	if err != nil {
		return nil // of types that this package defines, and whose tests write them all
	}
	return text
}

// marshal writes a value as YAML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(v); err != nil {
		return nil, err
	}
	err := out.Close()
	return b.Bytes(), err
}

// MarshalYAML writes a location as short as it can be, and without secrets.
func (l Location) MarshalYAML() (any, error) {
	if l.Target == "" {
		return connect.Location(l.URL).String(), nil
	}
	type plain struct {
		Target string `yaml:"target"`
		Path   string `yaml:"path,omitempty"`
	}
	return plain{l.Target, l.Path}, nil
}

// MarshalYAML writes a source as short as it can be.
func (s Source) MarshalYAML() (any, error) {
	if !s.MayBeEmpty {
		return string(s.Path), nil
	}
	type plain Source
	return plain(s), nil
}

// Show returns a profile as YAML with what it inherits and with all defaults, but without
// secrets; or the whole configuration if the name is empty, without profiles that can't be
// used.
func (s *Set) Show(name string) ([]byte, error) {
	f := File{Targets: map[string]Target{}, Profiles: map[string]Profile{}}
	if name == "" {
		f.Service = s.service
		for _, name := range s.Names() {
			if p, err := s.Get(name); err == nil {
				f.Profiles[name] = p
			}
		}
		for name, t := range s.targets {
			f.Targets[name] = t
		}
	} else {
		p, err := s.Get(name)
		if err != nil {
			return nil, err
		}
		f.Profiles[name] = p
		for _, l := range p.locations() {
			if l.Target != "" {
				f.Targets[l.Target] = l.at
			}
		}
	}
	for name, t := range f.Targets {
		t.URL = connect.Location(t.URL).String()
		f.Targets[name] = t
	}
	return marshal(f)
}

// locations returns all locations of a profile.
func (p Profile) locations() []Location {
	all := append([]Location{p.Repo}, p.Replicas...)
	for _, c := range p.Copies {
		all = append(all, c.Repo)
	}
	return all
}
