package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"time"

	"github.com/qsnap/qsnap/target/targettest"
)

// A digest identifies what it was made from.
type digest [16]byte

func digestOf(write func(h hash.Hash)) digest {
	h := sha256.New()
	write(h)
	return digest(h.Sum(nil))
}

// xor adds an object to the digest of a set, or removes it.
func (d *digest) xor(o digest) {
	for i := range d {
		d[i] ^= o[i]
	}
}

func objectDigest(name string, b []byte) digest {
	return digestOf(func(h hash.Hash) {
		fmt.Fprint(h, name, " ")
		h.Write(b)
	})
}

// state returns what all that can follow depends on.
func (w *world) state() digest { return w.stateAs(w.stored, nil) }

// stateAs returns the state if the set of objects was another, and an actor was as
// another one says.
func (w *world) stateAs(stored digest, as *actor) digest {
	return digestOf(func(h hash.Hash) {
		h.Write(stored[:])
		binary.Write(h, binary.LittleEndian, time.Since(w.start))
		for _, a := range w.actors {
			if as != nil && a.number == as.number {
				a = as
			}
			fmt.Fprint(h, " ", a.state)
			if a.state == alive {
				fmt.Fprint(h, a.life, a.emptied, a.skew, " ")
				h.Write(a.history[:])
			}
		}
		for _, set := range []map[string]bool{w.told, w.forgotten} {
			var sum digest
			for name := range set {
				sum.xor(objectDigest(name, nil))
			}
			h.Write(sum[:])
		}
	})
}

// foresee returns the state that a move would lead to, or zero if it can't tell. If
// somebody ends by the move, or tells that something is published, it returns one that
// there never is.
func (w *world) foresee(m move) digest {
	as := *w.actors[m.actor]
	stored := w.stored
	switch m.kind {
	default:
		return digest{}
	case crash:
		as.state = dead
	case take:
		var out targettest.Outcome
		for _, t := range w.turns.Waiting() {
			if t.Actor == as.handle && t.Op == m.op {
				out = t.Foresee()
			}
		}
		stored.change(m.op.Name, out)
		as.history = as.knowing(m, out)
	}
	return w.stateAs(stored, &as)
}

// change makes of the digest of a set that of the set after an operation.
func (d *digest) change(name string, out targettest.Outcome) {
	if out.Before != nil {
		d.xor(objectDigest(name, out.Before))
	}
	if out.After != nil {
		d.xor(objectDigest(name, out.After))
	}
}
