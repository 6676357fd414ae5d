package s3_test

import (
	"testing"

	"github.com/qsnap/qsnap/target/targetbench"
)

func BenchmarkPut(b *testing.B) { targetbench.Put(b, open(b, newFake(b).options), 4<<20) }
func BenchmarkGet(b *testing.B) { targetbench.Get(b, open(b, newFake(b).options), 4<<20) }
