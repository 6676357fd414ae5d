package capture

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A coldDir is a directory of which some files are cold.
type coldDir struct {
	source.Dir
	cold  map[string]bool
	asked map[string]int
}

func (d coldDir) ReadAhead(name string) bool {
	d.asked[name]++
	return d.cold[name]
}

func TestABatchIsReadAheadWhereASampleOfItIsCold(t *testing.T) {
	const files = 3*coldSample + 4
	for _, c := range []struct{ cold, asked int }{
		{-1, 4}, {1, 4}, {files - 1, 4}, // not of the sample
		{0, files}, {2 * coldSample, files}, {3 * coldSample, files},
	} {
		d := coldDir{cold: map[string]bool{}, asked: map[string]int{}}
		b := &block{node: &node{dir: d}}
		var batch []fileJob
		for i := range files {
			name := fmt.Sprint(i)
			d.cold[name] = i == c.cold
			b.entries = append(b.entries, snapshot.Entry{Name: name, Size: 1})
			batch = append(batch, fileJob{block: b, slot: i})
		}
		(&capture{}).readAhead(batch)
		if len(d.asked) != c.asked {
			t.Errorf("file %d is cold: %d files are asked about, not %d", c.cold, len(d.asked), c.asked)
		}
		for name, n := range d.asked {
			if n != 1 {
				t.Errorf("file %s is asked about %d times", name, n)
			}
		}
	}
}

func TestEmptyFilesAndOtherSourcesAreNotReadAhead(t *testing.T) {
	d := coldDir{asked: map[string]int{}}
	b := &block{node: &node{dir: d}, entries: []snapshot.Entry{{Name: "empty"}}}
	(&capture{}).readAhead([]fileJob{{block: b}})
	if len(d.asked) > 0 {
		t.Error("an empty file is read ahead")
	}
	other, err := source.FS(fstest.MapFS{"file": {Data: []byte("x")}}, "").Open()
	if err != nil {
		t.Fatal(err)
	}
	b = &block{node: &node{dir: other}, entries: []snapshot.Entry{{Name: "file", Size: 1}}}
	(&capture{}).readAhead([]fileJob{{block: b}})
}
