package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"
)

// thisHost returns what this machine is called: $QSNAP_HOST, or what the system says.
// The variable is for machines whose name changes, such as containers.
func (p *program) thisHost() string {
	if name := p.getenv("QSNAP_HOST"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

// checkHost refuses a name that can't be one.
func (p *program) checkHost() error {
	if name := p.getenv("QSNAP_HOST"); strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("QSNAP_HOST %q: the name must not contain line breaks or other control characters", name)
	}
	return nil
}
