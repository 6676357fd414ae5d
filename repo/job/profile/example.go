package profile

import _ "embed"

//go:embed example.yaml
var example string

// Example returns a configuration with every key and with comments.
func Example() string { return example }
