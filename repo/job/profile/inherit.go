package profile

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A merger merges what a profile inherits with what it has.
type merger struct {
	where map[*yaml.Node]string
	nodes *int
}

// merge returns own with the keys of base that it lacks. Mappings are merged at any depth; of
// anything else own counts. An alternative that own has replaces the one that base has.
func (m *merger) merge(base, own *yaml.Node, t reflect.Type, depth int) *yaml.Node {
	base, own = followed(base), followed(own)
	if *m.nodes++; *m.nodes > mostNodes || depth > mostDepth {
		return own // the decoder refuses it
	}
	if base.Kind != yaml.MappingNode || own.Kind != yaml.MappingNode || t.Kind() != reflect.Struct || isShort(t) {
		if isNull(own) && depth == 0 { // a profile that is empty
			return base
		}
		return own
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: own.Tag, Line: own.Line, Column: own.Column}
	m.where[out] = m.where[own]
	fields := fieldsOf(t)
	for i := 0; i+1 < len(base.Content); i += 2 {
		k, v := base.Content[i], base.Content[i+1]
		f, known := fieldNamed(fields, k.Value)
		mine := valueOf(own, k.Value)
		switch {
		case mine != nil && known:
			out.Content = append(out.Content, keyOf(own, k.Value), m.merge(v, mine, f.typ, depth+1))
		case mine != nil, known && f.alt != "" && hasAlternative(own, fields, f):
		default:
			out.Content = append(out.Content, k, v)
		}
	}
	for i := 0; i+1 < len(own.Content); i += 2 {
		k := own.Content[i].Value
		_, known := fieldNamed(fields, k)
		if valueOf(base, k) == nil || !known || slices.Index(keysOf(own), k) != i/2 { // the decoder refuses what is there twice
			out.Content = append(out.Content, own.Content[i], own.Content[i+1])
		}
	}
	return out
}

// hasAlternative reports whether a mapping has a key that excludes the field.
func hasAlternative(n *yaml.Node, fields []field, f field) bool {
	return slices.ContainsFunc(fields, func(other field) bool { return other.alt == f.alt && valueOf(n, other.name) != nil })
}

func followed(n *yaml.Node) *yaml.Node {
	for range mostDepth {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

// valueOf returns the value of a key in a mapping, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// keyOf returns the node of a key in a mapping.
func keyOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return nil
}

// keysOf returns the keys of a mapping.
func keysOf(n *yaml.Node) (keys []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}
