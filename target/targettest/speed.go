package targettest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/qsnap/qsnap/target"
)

// A Speed is how fast a target is, for one operation at a time.
type Speed struct {
	Latency  time.Duration // of a request that transfers nothing
	Up, Down float64       // bytes per second
}

const (
	smallProbe = 1 << 20 // size of the first transfer
	largeProbe = 8 << 20 // size of the second, if the first took less than quick
	quick      = 300 * time.Millisecond
)

// Measure returns how fast a target is. It puts objects of up to 8 MiB below targettest/,
// smaller ones on a slow target, and removes them again.
func Measure(ctx context.Context, t target.Target) (Speed, error) {
	var random [8]byte
	rand.Read(random[:])
	name := "targettest/speed-" + hex.EncodeToString(random[:])
	var s Speed
	var err error
	if s.Latency, err = latency(ctx, t, name); err != nil {
		return Speed{}, err
	}
	// Random bytes can't be compressed on the way.
	body := make([]byte, largeProbe)
	rand.Read(body)
	for _, n := range []int{smallProbe, largeProbe} {
		probe := fmt.Sprintf("%s-%d", name, n)
		up, down, err := transfer(ctx, t, probe, body[:n])
		if err != nil {
			return Speed{}, err
		}
		s.Up, s.Down = float64(n)/up.Seconds(), float64(n)/down.Seconds()
		if max(up, down) > quick {
			break
		}
	}
	return s, nil
}

// latency returns the median time of a request that finds nothing.
func latency(ctx context.Context, t target.Target, name string) (time.Duration, error) {
	var all []time.Duration
	for range 6 {
		start := time.Now()
		switch _, err := t.Stat(ctx, name); {
		case err == nil:
			return 0, fmt.Errorf("%s: it is there, and nobody put it", name)
		case !errors.Is(err, fs.ErrNotExist):
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	all = all[1:] // the first request had to connect
	slices.Sort(all)
	return all[len(all)/2], nil
}

// transfer puts an object, reads it back and removes it.
func transfer(ctx context.Context, t target.Target, name string, body []byte) (up, down time.Duration, err error) {
	start := time.Now()
	if err := t.Put(ctx, name, bytes.NewReader(body), int64(len(body))); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, t.Delete(context.WithoutCancel(ctx), name)) }()
	up = time.Since(start)
	start = time.Now()
	r, err := t.Get(ctx, name, 0, -1)
	if err != nil {
		return 0, 0, err
	}
	back, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return 0, 0, err
	}
	if !bytes.Equal(back, body) {
		return 0, 0, fmt.Errorf("%s: read %d bytes other than the %d put", name, len(back), len(body))
	}
	return max(up, 1), max(time.Since(start), 1), nil
}

// SurveyLimit returns the limit for a Survey that is not to take long: the size of the largest
// object that it should put, or 0 for the usual one.
func (s Speed) SurveyLimit() int64 {
	if min(s.Up, s.Down) > 4<<20 {
		return 0
	}
	return 1 << 20
}
