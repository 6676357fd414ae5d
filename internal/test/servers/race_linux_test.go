package servers_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/internal/test/servers"
	"github.com/qsnap/qsnap/internal/test/treetest"
	"github.com/qsnap/qsnap/target"
)

// Several clients, each by a bad network of its own, put different objects under one
// name at once. At most one succeeds, and what is there afterwards is whole: that of
// who succeeded, if anybody did.
func TestRacesHaveOneWinnerOnABadNetwork(t *testing.T) {
	const clients, rounds = 4, 6
	eachSeed(t, func(t *testing.T, s *servers.Server, seed uint64) {
		var all []target.Target
		for i := range uint64(clients) {
			all = append(all, reach(t, s, breaks(t, s, seed*100+i, rate{0.06, 0.7}).Addr()))
		}
		clean := reach(t, s, s.Addr)
		won, failed := 0, 0
		for round := range rounds {
			name := fmt.Sprintf("race-%d/%d", seed, round)
			results := make([]error, clients)
			bodies := make([][]byte, clients)
			var wg sync.WaitGroup
			for i := range clients {
				bodies[i] = treetest.Bytes(seed*1000+uint64(round*clients+i), 60_000+i)
				wg.Go(func() {
					results[i] = all[i].Put(t.Context(), name, bytes.NewReader(bodies[i]), int64(len(bodies[i])))
				})
			}
			wg.Wait()
			there, err := read(t.Context(), clean, name, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			owner := -1
			for i, b := range bodies {
				if there != nil && bytes.Equal(there, b) {
					owner = i
				}
			}
			if there != nil && owner < 0 {
				t.Errorf("%s: %d bytes that nobody put as a whole", name, len(there))
			}
			for i, err := range results {
				switch {
				case err == nil && owner != i:
					t.Errorf("%s: client %d succeeded, and client %d's object is there", name, i, owner)
				case err == nil:
					won++
				case errors.Is(err, fs.ErrExist) && there == nil:
					t.Errorf("%s: client %d was told that it exists, and it doesn't", name, i)
				case !errors.Is(err, fs.ErrExist):
					failed++
					oneLine(t, err)
				}
			}
		}
		t.Logf("%d of %d races won, %d puts failed", won, rounds, failed)
	})
}
