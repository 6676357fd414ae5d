package write

import (
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/snapshot"
)

// CountPublish counts the requests and bytes of publishing a manifest (see publication), for a
// session of a dry run. resumed says whether the session resumes an interrupted run.
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
	c.Requests.Add(4)                 // both manifests, the quarantine, and removing the pending manifest
	if !m.Parent.IsZero() {
		c.Requests.Add(1) // whether the parent exists
		c.Down.Add(seal.HeaderSize)
	}
	s.mu.Lock()
	relied := len(s.relied)
	s.mu.Unlock()
	if relied > fewPacks || resumed {
		relied = 1 // one listing of all packs
	}
	c.Requests.Add(uint64(relied))
	return nil
}
