package engine

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/pace"
	"github.com/qsnap/qsnap/target"
)

// A Host has what the process that opens a repository provides: clock, randomness, names,
// caches and replicas. The zero value is useful.
type Host struct {
	Now      func() time.Time // nil is time.Now
	Rand     io.Reader        // nil is crypto/rand
	Hostname string           // empty is what the system says
	Warn     func(error)      // called with warnings; nil ignores them

	CacheDir    string // empty is "qsnap" in the user's cache directory
	CacheSize   *int64 // bytes of cached objects; nil is 512 MiB
	CacheMemory int    // bytes of decompressed segments in memory; 0 is 16 MiB
	Replicas    []object.Replica
	Pace        pace.Pacer // asked before each part of long work; nil never waits
	SpareCache  bool       // leave the system's page cache as it was

	User string // the user name of this process, or empty
}

const (
	defaultCacheSize   = 512 << 20
	defaultCacheMemory = 16 << 20
)

// setDefaults replaces zero values by the defaults.
func (h *Host) setDefaults() {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Rand == nil {
		h.Rand = rand.Reader
	}
	if h.Hostname == "" {
		h.Hostname, _ = os.Hostname()
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if h.CacheSize == nil {
		h.CacheSize = new(int64(defaultCacheSize))
	}
	if h.CacheMemory <= 0 {
		h.CacheMemory = defaultCacheMemory
	}
	h.Warn = serialized(h.Warn)
	h.Pace = pace.Or(h.Pace)
	h.paceReplicas()
}

// paceReplicas makes the Pacer pace what is read from replicas.
func (h *Host) paceReplicas() {
	replicas := slices.Clone(h.Replicas)
	for i, r := range replicas {
		replicas[i].Open = func(ctx context.Context) (target.Target, error) {
			t, err := r.Open(ctx)
			if err != nil {
				return nil, err
			}
			return object.Paced(t, h.Pace), nil
		}
	}
	h.Replicas = replicas
}

// spareCache makes a target leave the system's page cache as it was, if that is wanted.
func (h *Host) spareCache(t target.Target) {
	if s, ok := target.As[target.CacheSparer](t); ok && h.SpareCache {
		s.SpareCache()
	}
}

// serialized returns a function that calls f by one goroutine at a time.
func serialized(f func(error)) func(error) {
	if f == nil {
		return func(error) {}
	}
	var mu sync.Mutex
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		f(err)
	}
}

// localDir returns the local directory of a repository, or "" if the user has no cache
// directory.
func (h *Host) localDir(c *config.Config) string {
	dir := h.CacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(user, "qsnap")
	}
	return filepath.Join(dir, c.LocalName())
}
