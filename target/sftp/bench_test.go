package sftp

import (
	"testing"

	"github.com/qsnap/qsnap/target/targetbench"
)

func BenchmarkPut(b *testing.B) { targetbench.Put(b, newServer(b).start().open(), 4<<20) }
func BenchmarkGet(b *testing.B) { targetbench.Get(b, newServer(b).start().open(), 4<<20) }
