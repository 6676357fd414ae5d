package state

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName is the length of the longest name that is written in full.
const maxName = 150

// FileName returns the name under which a file of the directory holds what belongs to a
// name, such as a profile's. Different names have different files, also where the file
// system ignores the case of letters.
func FileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteString(hex.EncodeToString([]byte{c}))
	}
	if b.Len() == 0 {
		return "%"
	}
	if b.Len() > maxName {
		hash := sha256.Sum256([]byte(name))
		return b.String()[:maxName-34] + "%%" + hex.EncodeToString(hash[:16])
	}
	return b.String()
}
