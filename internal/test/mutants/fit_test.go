package mutants

import "testing"

func TestMutantsFitTheCode(t *testing.T) {
	names := map[string]bool{}
	for _, m := range All() {
		if _, err := m.Apply("../../.."); err != nil {
			t.Error(err)
		}
		if names[m.Name] {
			t.Errorf("two mutants are called %q", m.Name)
		}
		names[m.Name] = true
	}
}
