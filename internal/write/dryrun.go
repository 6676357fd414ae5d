package write

import (
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// CountPublish counts what publishing a manifest would ask of the target (see publication),
// for a session that stores nothing. A run that takes up another has resumed.
func (s *Session) CountPublish(m *snapshot.Manifest, resumed bool) error {
	body, err := m.Marshal()
	if err != nil {
		return err
	}
	sealed, err := s.e.Sealer.SealIn(s.Run, seal.Manifest, body)
	if err != nil {
		return err
	}
	c := s.e.Dry
	c.Up.Add(2 * uint64(len(sealed))) // pending and final
	c.Requests.Add(4)                 // both, the quarantine, and the removal of the pending one
	if !m.Parent.IsZero() {
		c.Requests.Add(1) // whether it stands
		c.Down.Add(seal.HeaderSize)
	}
	s.mu.Lock()
	relied := len(s.relied)
	s.mu.Unlock()
	if relied > fewPacks || resumed {
		relied = 1 // a listing tells of all
	}
	c.Requests.Add(uint64(relied))
	return nil
}
