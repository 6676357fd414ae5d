package webdav

import (
	"testing"

	"github.com/qsnap/qsnap/target/targetbench"
)

func BenchmarkPut(b *testing.B) { targetbench.Put(b, openStore(b, newStore(), Options{}), 4<<20) }
func BenchmarkGet(b *testing.B) { targetbench.Get(b, openStore(b, newStore(), Options{}), 4<<20) }
