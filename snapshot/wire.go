package snapshot

import "time"

// The types below are parts of several fields of a manifest, as CBOR.

type wireTime struct {
	_      struct{} `cbor:",toarray"`
	Sec    int64
	Nsec   int32
	Offset int32 // seconds east of UTC
}

type wireRemarks struct {
	_     struct{} `cbor:",toarray"`
	Total uint64
	List  [][2][]byte
}

func toWireTime(t time.Time) wireTime {
	_, offset := t.Zone()
	return wireTime{Sec: t.Unix(), Nsec: int32(t.Nanosecond()), Offset: int32(offset)}
}

// valid reports whether the time is within the years 1 to 9999, less a day at either end.
func (w wireTime) valid() bool {
	return w.Sec >= -62135510400 && w.Sec < 253402214400 && w.Nsec >= 0 && w.Nsec < 1e9 &&
		w.Offset > -86400 && w.Offset < 86400
}

// time returns the moment in a zone that has the source's offset.
func (w wireTime) time() time.Time {
	zone := time.UTC
	if w.Offset != 0 {
		zone = time.FixedZone("", int(w.Offset))
	}
	return time.Unix(w.Sec, int64(w.Nsec)).In(zone)
}

func toWireRemarks(r Remarks) wireRemarks {
	w := wireRemarks{Total: r.Total}
	for _, m := range r.List {
		w.List = append(w.List, [2][]byte{[]byte(m.Path), []byte(m.Text)})
	}
	return w
}

func (w wireRemarks) remarks() (r Remarks, ok bool) {
	r.Total = w.Total
	for _, m := range w.List {
		r.List = append(r.List, Remark{string(m[0]), string(m[1])})
	}
	return r, uint64(len(w.List)) <= w.Total
}

func optionalID(id *ID, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if len(b) != len(id) {
		return false
	}
	*id = ID(b)
	return true
}

func toBytes(s []string) [][]byte {
	var out [][]byte
	for _, v := range s {
		out = append(out, []byte(v))
	}
	return out
}

func toStrings(b [][]byte) []string {
	var out []string
	for _, v := range b {
		out = append(out, string(v))
	}
	return out
}
