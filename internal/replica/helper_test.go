package replica_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

// A pair is a repository and a target for its replica, both in memory.
type pair struct {
	t     *testing.T
	here  *targettest.Memory
	there *targettest.Memory
	clock *fixture.Clock
	e     *engine.Engine
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, here: &targettest.Memory{}, there: &targettest.Memory{}, clock: new(fixture.Clock)}
	unlock := func(context.Context) (keys.Secret, error) { return fixture.KeyFile(t, 1), nil }
	var err error
	p.e, err = engine.Create(t.Context(), p.here, unlock, config.Choice{}, "", engine.Host{Now: p.clock.Now, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(p.e) })
	return p
}

// take takes a snapshot of one file.
func (p *pair) take(content string) *snapshot.Manifest {
	p.t.Helper()
	p.clock.Advance(1e9)
	m, err := take.Run(p.t.Context(), p.e, take.FS(fstest.MapFS{"file": {Data: []byte(content)}}, "/x"), take.Options{Hostname: "host"})
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// replicate brings the replica up to date.
func (p *pair) replicate() replica.Report {
	p.t.Helper()
	report, err := replica.Replicate(p.t.Context(), p.e, p.there, replica.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	return report
}

// copied returns a repository and a replica of it that have two snapshots, the first of
// which was forgotten in neither.
func copied(t *testing.T) (p *pair, first, second *snapshot.Manifest) {
	t.Helper()
	p = newPair(t)
	first = p.take(strings.Repeat("first", 100))
	second = p.take(strings.Repeat("second", 100))
	p.replicate()
	return p, first, second
}

// names returns the names of a target's objects below a prefix.
func names(m *targettest.Memory, prefix string) (out []string) {
	for name := range m.Objects() {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	return out
}

// keyless are options for functions that take no key.
func (p *pair) keyless() replica.KeylessOptions {
	return replica.KeylessOptions{Now: p.clock.Now, Rand: fixture.Random(9)}
}

// compare compares the two.
func (p *pair) compare(o replica.CompareOptions) replica.Comparison {
	p.t.Helper()
	o.Now = p.clock.Now
	found, err := replica.Compare(p.t.Context(), p.here, p.there, o)
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// flip changes one byte of an object.
func flip(m *targettest.Memory, name string, at int) {
	b := append([]byte(nil), m.Objects()[name]...)
	b[at] ^= 1
	m.Set(name, b)
}
