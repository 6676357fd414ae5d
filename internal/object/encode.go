package object

import "github.com/fxamacker/cbor/v2"

// Encode returns the body of a small object: CBOR in core deterministic encoding
// (RFC 8949, section 4.2.1).
func Encode(body any) ([]byte, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return enc.Marshal(body)
}

// Bounds on objects that are read whole, in bytes.
const (
	MaxConfig   = 64 << 10
	MaxSlot     = 4 << 20
	MaxManifest = 64 << 20
	MaxDelta    = 1 << 30
)
