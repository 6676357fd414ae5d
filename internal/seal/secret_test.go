package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func mustSecret(t testing.TB, text string) Secret {
	t.Helper()
	s, err := ParseSecret([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSlotsOpenWithTheirSecretOnly(t *testing.T) {
	ring := testRing(t)
	text, err := NewKeyFile(fixedRandom(5))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewKeyFile(fixedRandom(6))
	if err != nil {
		t.Fatal(err)
	}
	secrets := []Secret{Passphrase([]byte("correct horse")), mustSecret(t, text), Passphrase([]byte("")), mustSecret(t, other)}
	for i, right := range secrets {
		var slot Slot
		if err := slot.Wrap(ring, right, StrongKDF, nil); err != nil {
			t.Fatal(err)
		}
		stored, err := slot.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseSlot(stored)
		if err != nil {
			t.Fatal(err)
		}
		for j, s := range secrets {
			got, err := read.Unwrap(s)
			if i == j && (err != nil || !bytes.Equal(got.bytes(), ring.bytes())) {
				t.Errorf("slot %d with its own secret: %v", i, err)
			}
			if i != j && !errors.Is(err, ErrWrongSecret) {
				t.Errorf("slot %d with secret %d: %v", i, j, err)
			}
		}
	}
}

func TestASlotWithChangedParametersDoesNotOpen(t *testing.T) {
	ring := testRing(t)
	secret := Passphrase([]byte("secret"))
	slot := &Slot{Label: "laptop"}
	if err := slot.Wrap(ring, secret, StrongKDF, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Slot){
		"time":    func(s *Slot) { s.Time++ },
		"threads": func(s *Slot) { s.Threads-- },
		"salt":    func(s *Slot) { s.Salt[0]++ },
		"wrapped": func(s *Slot) { s.Wrapped[0]++ },
	} {
		bad := *slot
		bad.Salt, bad.Wrapped = bytes.Clone(slot.Salt), bytes.Clone(slot.Wrapped)
		change(&bad)
		if _, err := bad.Unwrap(secret); !errors.Is(err, ErrWrongSecret) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestParseSlotRefusesWhatWouldHarm(t *testing.T) {
	slot := &Slot{}
	if err := slot.Wrap(testRing(t), Passphrase([]byte("x")), StrongKDF, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Slot){
		"a terabyte of memory": func(s *Slot) { s.MemoryKiB = 1 << 30 },
		"a century of passes":  func(s *Slot) { s.Time = 1 << 31 },
		"no threads":           func(s *Slot) { s.Threads = 0 },
		"many threads":         func(s *Slot) { s.Threads = 1 << 20 },
		"unknown derivation":   func(s *Slot) { s.KDF = "md5" },
		"a future version":     func(s *Slot) { s.Version = 2 },
		"no version":           func(s *Slot) { s.Version = 0 },
		"a short salt":         func(s *Slot) { s.Salt = s.Salt[:8] },
		"nothing wrapped":      func(s *Slot) { s.Wrapped = nil },
	} {
		bad := *slot
		change(&bad)
		b, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseSlot(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ParseSlot([]byte("{")); err == nil {
		t.Error("half a slot: accepted")
	}
}

func TestRecoverySheetBringsBackTheWholeRing(t *testing.T) {
	ring := testRing(t)
	for range 3 {
		sheet, err := RecoverySheet(ring)
		if err != nil {
			t.Fatal(err)
		}
		// As typed by a person from paper: lower case, other spaces, remarks.
		typed := "# my sheet\n\n" + strings.ReplaceAll(sheet, "-", " ")
		typed = strings.ReplaceAll(typed, "qsnap ", "qsnap-")
		secret := mustSecret(t, strings.ToLower(typed))
		got, ok := secret.Recovered()
		if !ok || !bytes.Equal(got.bytes(), ring.bytes()) {
			t.Errorf("epoch %d: the ring read is not the ring printed", ring.Epoch())
		}
		if ring, err = ring.Rotated(nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseSecretFindsTypingErrorsAndNamesTheLine(t *testing.T) {
	text, err := NewKeyFile(fixedRandom(5))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(text, "\n")
	swapped := strings.Replace(lines[0], lines[0][len(keyTag)+5:len(keyTag)+6], "7", 1)
	for name, bad := range map[string]struct{ text, want string }{
		"empty":            {"", "no line"},
		"only comments":    {"# nothing\n", "no line"},
		"another file":     {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "neither a comment nor a key"},
		"second line lost": {lines[0], "ends after line 1 of 2"},
		"first line lost":  {lines[1], "expected line 1"},
		"lines swapped":    {lines[1] + lines[0], "expected line 1"},
		"line twice":       {lines[0] + lines[0], "expected line 2"},
		"letter changed":   {swapped + lines[1], "qsnap-key 1/2"},
		"cut short":        {lines[0][:len(lines[0])-6] + "\n" + lines[1], "32 letters"},
		"other sort":       {strings.Replace(text, keyTag, recoveryTag, 2), "a character is wrong"},
		"odd number":       {strings.Replace(text, "1/2", "x/2", 1), "number"},
	} {
		_, err := ParseSecret([]byte(bad.text))
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, bad.want)
		}
		key := strings.Fields(lines[0])[2]
		if err != nil && strings.Contains(err.Error(), key[:9]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	text, err := NewKeyFile(fixedRandom(5))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(text))
	f.Add([]byte("qsnap-recovery 1/1 AAAA"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSecret(b)
		if err == nil && s.IsZero() {
			t.Error("parsed to nothing")
		}
	})
}

func FuzzParseSlot(f *testing.F) {
	slot := &Slot{}
	if err := slot.Wrap(testRing(f), mustSecret(f, must(NewKeyFile(fixedRandom(5)))), StrongKDF, fixedRandom(6)); err != nil {
		f.Fatal(err)
	}
	f.Add(must(slot.Marshal()))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSlot(b)
		if err != nil {
			return
		}
		if s.KDF == kdfKeyFile {
			s.Unwrap(Secret{key: make([]byte, KeySize)})
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
