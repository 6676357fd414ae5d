package snapshot

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAnIDIsItsDigitsInJSON(t *testing.T) {
	type ids struct {
		ID   ID `json:"id"`
		None ID `json:"none"`
		Not  ID `json:"not,omitzero"`
	}
	want := `{"id":"` + strings.Repeat("00", 31) + `07","none":""}`
	b, err := json.Marshal(ids{ID: ID{31: 7}})
	if err != nil || string(b) != want {
		t.Fatalf("%s, %v", b, err)
	}
	back := ids{None: ID{1}}
	if err := json.Unmarshal(b, &back); err != nil || back != (ids{ID: ID{31: 7}}) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{`"07"`, `"` + strings.Repeat("0A", 32) + `"`, `7`} {
		var id ID
		if err := json.Unmarshal([]byte(bad), &id); err == nil || !id.IsZero() {
			t.Errorf("%s is %v", bad, id)
		}
	}
}
