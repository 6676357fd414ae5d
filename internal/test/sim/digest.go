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

// state identifies everything that the rest of the run depends on.
func (w *world) state() digest { return w.stateAs(w.stored, nil) }

// stateAs returns the state with another set of objects, and with one actor replaced.
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
				fmt.Fprint(h, a.life, a.cachesLost, a.skew, " ")
				h.Write(a.history[:])
			}
		}
		for _, set := range []map[string]bool{w.published, w.forgotten} {
			var sum digest
			for name := range set {
				sum.xor(objectDigest(name, nil))
			}
			h.Write(sum[:])
		}
	})
}

// predict returns the state that a move leads to, or zero if it can't tell. If an actor ends
// or publishes by the move, the prediction is a state that never comes.
func (w *world) predict(m move) digest {
	as := *w.actors[m.actor]
	stored := w.stored
	switch m.kind {
	default:
		return digest{}
	case crash:
		as.state = dead
	case operation:
		var out targettest.Outcome
		for _, t := range w.turns.Waiting() {
			if t.Actor == as.handle && t.Op == m.op {
				out = t.Foresee()
			}
		}
		stored.change(m.op.Name, out)
		as.history = as.historyAfter(m, out)
	}
	return w.stateAs(stored, &as)
}

// change updates the digest of a set by the outcome of an operation.
func (d *digest) change(name string, out targettest.Outcome) {
	if out.Before != nil {
		d.xor(objectDigest(name, out.Before))
	}
	if out.After != nil {
		d.xor(objectDigest(name, out.After))
	}
}
