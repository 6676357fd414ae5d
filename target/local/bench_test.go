package local

import (
	"testing"

	"github.com/qsnap/qsnap/target/targetbench"
)

func BenchmarkPut(b *testing.B) { targetbench.Put(b, newTarget(b), 1<<20) }
func BenchmarkGet(b *testing.B) { targetbench.Get(b, newTarget(b), 1<<20) }
