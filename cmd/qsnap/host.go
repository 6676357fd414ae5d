package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"
)

// thisHost returns the name of this machine: the profile's host, $QSNAP_HOST, or the system's
// host name. The former are for machines whose name changes, such as containers.
func (p *program) thisHost() string {
	if p.profile != nil && p.profile.Host != "" {
		return p.profile.Host
	}
	if name := p.getenv("QSNAP_HOST"); name != "" {
		return name
	}
	name, _ := os.Hostname()
	return name
}

// checkHost refuses a $QSNAP_HOST with control characters.
func (p *program) checkHost() error {
	if name := p.getenv("QSNAP_HOST"); strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("QSNAP_HOST %q: the name must not contain line breaks or other control characters", name)
	}
	return nil
}
