package snapshot

import (
	"fmt"
	"testing"
	"time"
)

func TestAManifestMayHaveHundredsOfThousandsOfPatterns(t *testing.T) {
	m := &Manifest{Start: time.Unix(1, 0), End: time.Unix(2, 0), Rules: &Rules{}, Root: Entry{Type: Dir}}
	for i := range 300_000 {
		m.Rules.Patterns = append(m.Rules.Patterns, Pattern{Source: "ex.txt", Text: fmt.Sprint("/", i)})
	}
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(read.Rules.Patterns); n != 300_000 {
		t.Errorf("%d patterns", n)
	}
}
