package webdav

import (
	"fmt"
	"testing"
)

// The model of how rivals settle who puts an object, with all that may come between
// two steps of one: steps of the others, deaths, MOVEs that are sent again while the
// first still runs in the server, uploads and the object deleted from outside. Each step is what
// one request does on the server at one moment; a MOVE does two.

const rivalCount = 3

// A world is one state of it.
type world struct {
	rivals [rivalCount]rival
	taken  bool // the object is there
}

type rival struct {
	step   byte // what comes next
	at     byte // the rival that it looks at, or deletes
	seen   [rivalCount]bool
	upload bool    // is there
	move   [2]byte // of each MOVE that it sent: 0 not sent, 1 sent, 2 found the name free, 3 answered
}

const (
	stepPut byte = iota
	stepList
	stepRemove
	stepMove
	stepEnd
)

// A shortcut leaves something out that is shown to be needed.
type shortcut struct {
	name                                       string
	listFirst, keepGreater, keepLesser, noList bool
}

// next calls each with all states that may follow, and returns what went wrong.
func (w world) next(cut shortcut, each func(world)) error {
	if w.taken { // somebody deletes the object
		n := w
		n.taken = false
		each(n)
	}
	for i, r := range w.rivals {
		if r.upload { // somebody tidies up
			n := w
			n.rivals[i].upload = false
			each(n)
		}
		w.client(i, cut, each)
		if err := w.server(i, each); err != nil {
			return err
		}
	}
	return nil
}

// client does the next step of a rival, if it is still alive.
func (w world) client(i int, cut shortcut, each func(world)) {
	r := w.rivals[i]
	n := w
	me := &n.rivals[i]
	switch r.step {
	case stepPut:
		me.upload, me.step, me.at = true, stepList, 0
		if cut.listFirst || cut.noList {
			me.step = stepRemove
		}
		if cut.listFirst && r.at < rivalCount { // its list comes before its PUT
			n = w
			me = &n.rivals[i]
			me.seen[r.at], me.at = w.rivals[r.at].upload, r.at+1
		}
		each(n)
	case stepList: // one name after another, while others change the collection
		me.seen[r.at] = w.rivals[r.at].upload
		if me.at++; me.at == rivalCount {
			me.step, me.at = stepRemove, 0
			if !me.seen[i] {
				me.step = stepEnd
			}
		}
		each(n)
		n = w // or it has waited, and lists again
		n.rivals[i].at = 0
		each(n)
	case stepRemove: // in any order of ids: who waits for whom is only a courtesy
		j := int(r.at)
		if j != i && r.seen[j] && !(cut.keepGreater && j > i) && !(cut.keepLesser && j < i) {
			n.rivals[j].upload = false
		}
		if me.at++; me.at == rivalCount {
			me.step, me.at, me.seen = stepMove, 0, [rivalCount]bool{}
		}
		each(n)
	case stepMove:
		for k := range r.move {
			if r.move[k] == 0 {
				n := w
				n.rivals[i].move[k] = 1
				each(n)
				break
			}
		}
	}
}

// server does the next step of each MOVE of a rival that was sent, whatever has become
// of who sent it.
func (w world) server(i int, each func(world)) error {
	r := w.rivals[i]
	for k, state := range r.move {
		n := w
		me := &n.rivals[i]
		switch {
		case state == 1 && (w.taken || !r.upload):
			me.move[k] = 3
			each(n)
		case state == 1:
			me.move[k] = 2
			each(n)
		case state == 2:
			me.move[k] = 3
			if r.upload {
				if w.taken {
					return fmt.Errorf("rival %d replaces the object", i)
				}
				me.upload, n.taken = false, true
			}
			each(n)
		}
	}
	return nil
}

// explore visits all states and returns how many there are, or what goes wrong in one.
func explore(cut shortcut) (states int, err error) {
	seen := map[world]bool{{}: true}
	for queue := []world{{}}; len(queue) > 0 && err == nil; {
		w := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		err = w.next(cut, func(n world) {
			if !seen[n] {
				seen[n] = true
				queue = append(queue, n)
			}
		})
	}
	return len(seen), err
}

func TestNoOrderOfStepsReplacesAnObject(t *testing.T) {
	t.Parallel()
	states, err := explore(shortcut{})
	if err != nil {
		t.Error(err)
	}
	if states < 100_000 {
		t.Errorf("%d states only", states)
	}
	t.Logf("%d states", states)
}

func TestEachShortcutReplacesAnObject(t *testing.T) {
	for _, cut := range []shortcut{
		{name: "list before the upload", listFirst: true},
		{name: "no list", noList: true},
		{name: "leave rivals of greater ids", keepGreater: true},
		{name: "leave rivals of lesser ids", keepLesser: true},
	} {
		if states, err := explore(cut); err == nil {
			t.Errorf("%s: nothing goes wrong in %d states", cut.name, states)
		}
	}
}
