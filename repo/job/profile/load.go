package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// mostBytes is the largest file that is read.
	mostBytes = 1 << 20
	// mostNames is how many profiles, and how many targets, there may be.
	mostNames = 1000
)

// inherited is the name of the profile from which all others inherit.
const inherited = "default"

// A Set is a configuration that was read. Any number of goroutines may read it.
type Set struct {
	path   string
	getenv func(string) string

	files    []*document
	where    map[*yaml.Node]string
	targets  map[string]Target
	profiles map[string]Profile
	nodes    map[string]entry      // of profiles
	read     int                   // nodes
	merged   map[string]*yaml.Node // of profiles, with what they inherit
	twice    map[string][]Problem  // about names that are there twice
	wrong    map[string][]Problem  // by the name of the profile
	problems []Problem             // of all
	service  Service
}

// A document is a file that was read.
type document struct {
	name string
	text []byte
	root *yaml.Node // its mapping; nil if the file is empty or can't be read
}

// An entry is a named mapping in a file.
type entry struct{ key, value *yaml.Node }

// Load reads the configuration in a file, and in the conf.d beside it. Getenv is asked for
// the home directory and for what Connect needs; nil is os.Getenv. The error is ErrNoFile, or
// one of reading the file. What is wrong in the file is no error of Load: Problems lists it,
// and Get refuses the profiles that it concerns.
func Load(path string, getenv func(string) string) (*Set, error) {
	return load(path, getenv, nil)
}

// load is Load. Instead is the text of files that are not read.
func load(path string, getenv func(string) string, instead map[string][]byte) (*Set, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	s := &Set{path: path, getenv: getenv, where: map[*yaml.Node]string{}, targets: map[string]Target{}, profiles: map[string]Profile{}, nodes: map[string]entry{}, merged: map[string]*yaml.Node{}, twice: map[string][]Problem{}, wrong: map[string][]Problem{}}
	names, err := filesOf(path)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, given := instead[name]
		if !given {
			if text, err = read(name); errors.Is(err, fs.ErrNotExist) && name == path {
				err = fmt.Errorf("%s: %w: \"qsnap config example\" prints one, and \"qsnap profile add\" makes one", path, ErrNoFile)
			}
			if err != nil && name != path {
				s.problems = append(s.problems, Problem{File: name, Text: err.Error()})
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		s.files = append(s.files, s.parse(name, text))
	}
	s.decode()
	return s, nil
}

// filesOf returns the files of a configuration.
func filesOf(path string) ([]string, error) {
	names := []string{path}
	if filepath.Base(path) != "config.yaml" {
		return names, nil
	}
	more, err := filepath.Glob(filepath.Join(escaped(filepath.Dir(path)), "conf.d", "*.yaml"))
	for _, name := range more {
		if !strings.HasPrefix(filepath.Base(name), ".") {
			names = append(names, name)
		}
	}
	return names, err
}

// escaped returns the pattern that matches only a name.
func escaped(name string) string {
	if filepath.Separator == '\\' {
		return name
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err == nil && len(text) > mostBytes {
		err = fmt.Errorf("%s has more than 1 MiB: this is no configuration", name)
	}
	return text, err
}

// yamlLine finds the line in an error of package yaml.
func yamlLine(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	return line, text
}

// parse reads a file as YAML.
func (s *Set) parse(name string, text []byte) *document {
	doc := &document{name: name, text: text}
	bad := func(line int, format string, args ...any) *document {
		s.problems = append(s.problems, Problem{File: name, Line: line, Text: fmt.Sprintf(format, args...)})
		return doc
	}
	if !utf8.Valid(text) {
		return bad(0, "this is not text in UTF-8")
	}
	var root, more yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(&root); err == io.EOF {
		return doc
	} else if err != nil {
		line, what := yamlLine(err)
		return bad(line, "this is not YAML: %s", what)
	}
	if err := in.Decode(&more); err != io.EOF {
		return bad(0, "a file holds one document: take out what begins with ---")
	}
	if len(root.Content) == 0 || isNull(root.Content[0]) {
		return doc
	}
	if top := root.Content[0]; top.Kind != yaml.MappingNode {
		return bad(top.Line, "want the keys targets, profiles and service: \"qsnap config example\" prints a file with all keys")
	}
	s.remember(root.Content[0], name)
	doc.root = root.Content[0]
	return doc
}

// remember notes in which file nodes are.
func (s *Set) remember(n *yaml.Node, file string) {
	s.where[n] = file
	for _, c := range n.Content {
		s.remember(c, file)
	}
}

func (s *Set) decoder() *decoder {
	return &decoder{file: func(n *yaml.Node) string { return s.where[n] }, home: home(s.getenv), presets: true, nodes: &s.read}
}

// decode reads the parsed files.
func (s *Set) decode() {
	targets, profiles, services := map[string]entry{}, s.nodes, map[string]entry{}
	for _, doc := range s.files {
		if doc.root == nil {
			continue
		}
		d := s.decoder()
		d.unique(doc.root, "")
		for i := 0; i+1 < len(doc.root.Content); i += 2 {
			k, v := doc.root.Content[i], doc.root.Content[i+1]
			switch k.Value {
			case "targets":
				s.collect(d, k, v, targets)
			case "profiles":
				s.collect(d, k, v, profiles)
			case "service":
				s.collect(d, k, &yaml.Node{Kind: yaml.MappingNode, Line: k.Line, Content: []*yaml.Node{k, v}}, services)
			default:
				d.unknown(k, k.Value, reflect.TypeFor[File]())
			}
		}
		s.problems = append(s.problems, d.problems...)
	}
	s.decodeTargets(targets)
	d := s.decoder()
	d.value(services["service"].node(), reflect.ValueOf(&s.service).Elem(), "service", field{})
	if services["service"].key == nil {
		d.preset(reflect.ValueOf(&s.service).Elem(), fieldsOf(reflect.TypeFor[Service]()))
	}
	s.problems = append(s.problems, d.problems...)
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		s.decodeProfile(name)
	}
}

func (e entry) node() *yaml.Node {
	if e.value == nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	return e.value
}

// collect files the named mappings of a key. A name that was there before is refused.
func (s *Set) collect(d *decoder, k, v *yaml.Node, into map[string]entry) {
	for v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	if isNull(v) {
		return
	}
	if v.Kind != yaml.MappingNode {
		d.want(v, k.Value, "a mapping of names", field{})
		return
	}
	what := strings.TrimSuffix(k.Value, "s")
	for i := 0; i+1 < len(v.Content); i += 2 {
		name, value := v.Content[i], v.Content[i+1]
		if len(into) >= mostNames {
			d.fail(name, k.Value, "there are more than %d of them", mostNames)
			return
		}
		if first, twice := into[name.Value]; twice {
			d.fail(name, dotted(k.Value, name.Value), "this %s is in %s:%d, too: rename or remove one of them", what, s.where[first.key], first.key.Line)
			s.twice[what+" "+name.Value] = d.problems[len(d.problems)-1:]
			continue
		}
		if text := badName(name.Value); text != "" {
			d.fail(name, dotted(k.Value, shown(name.Value)), "%s", text)
			continue
		}
		into[name.Value] = entry{name, value}
	}
}

// badName says what is wrong with the name of a profile or target. It names files, units and
// tasks on every system.
func badName(name string) string {
	switch {
	case name == "" || len(name) > 64:
		return "a name has 1 to 64 letters"
	case strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}):
		return "a name consists of the letters a to z, digits, -, _ and ."
	case strings.Trim(name[:1], "-_.") == "":
		return "a name begins with a letter or a digit"
	}
	return ""
}

func (s *Set) decodeTargets(entries map[string]entry) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		t := Target{Name: name, node: followed(e.value)}
		d := s.decoder()
		d.value(e.value, reflect.ValueOf(&t).Elem(), "targets."+name, field{})
		d.checkTarget(e, &t)
		s.problems = append(s.problems, d.problems...)
		t.wrong = append(d.problems, s.twice["target "+name]...)
		s.targets[name] = t
	}
}

// decodeProfile reads a profile together with what it inherits.
func (s *Set) decodeProfile(name string) {
	e := s.nodes[name]
	p := Profile{Name: name}
	d := s.decoder()
	node := e.value
	if base, ok := s.nodes[inherited]; ok && name != inherited {
		m := merger{s.where, &s.read}
		node = m.merge(base.value, e.value, reflect.TypeFor[Profile](), 0)
	}
	key := "profiles." + name
	d.value(node, reflect.ValueOf(&p).Elem(), key, field{})
	if isNull(node) {
		d.preset(reflect.ValueOf(&p).Elem(), fieldsOf(reflect.TypeFor[Profile]()))
	}
	if name != inherited {
		d.checkProfile(e, node, &p, s.targets)
		bare, b := Profile{Name: name}, s.decoder()
		b.presets = false
		b.value(node, reflect.ValueOf(&bare).Elem(), key, field{})
		p.settings = settingsOf(bare, p)
	}
	s.profiles[name], s.merged[name] = p, followed(node)
	s.wrong[name] = append(d.problems, s.twice["profile "+name]...)
	for _, problem := range d.problems {
		same := func(other Problem) bool { // inherited by several
			return other.File == problem.File && other.Line == problem.Line && other.Text == problem.Text
		}
		if !slices.ContainsFunc(s.problems, same) {
			s.problems = append(s.problems, problem)
		}
	}
}
