package connect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/rclone"
)

// A Scheme is a kind of targets that locations name.
type Scheme struct {
	// Open opens the target at an endpoint.
	Open func(ctx context.Context, e Endpoint) (target.Target, error)
	// Remote says that a network lies between: what fails there is tried again, and what
	// hangs is ended.
	Remote bool
	// Silence is how long the target may be silent before an operation counts as
	// hanging: target.StallLimit if zero.
	Silence time.Duration
}

// An Endpoint is what opening a target takes: a location that was read, and how it is
// reached.
type Endpoint struct {
	Scheme string   // in lower case; empty for a directory
	Rest   string   // what follows the scheme and its colon, or the directory
	URL    *url.URL // nil unless Rest begins with two slashes
	Config Config   // no function of it is nil but Ask
}

// builtin are the schemes that every program knows. A location without a scheme is local.
var builtin = map[string]Scheme{
	"local":   {Open: openLocal},
	"sftp":    {Open: openSFTP, Remote: true},
	"s3":      {Open: openS3, Remote: true},
	"webdav":  {Open: openWebDAV, Remote: true},
	"webdavs": {Open: openWebDAV, Remote: true},
	"rclone":  {Open: openRclone, Remote: true, Silence: rclone.DefaultTimeout + time.Minute},
}

// scheme returns the kind of targets that an endpoint is of.
func (c Config) scheme(e Endpoint) (Scheme, error) {
	name := cmp.Or(e.Scheme, "local")
	if s, ok := c.Schemes[name]; ok {
		return s, nil
	}
	if s, ok := builtin[name]; ok {
		return s, nil
	}
	known := slices.Sorted(maps.Keys(builtin))
	known = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(known, maps.Keys(c.Schemes)))))
	err := fmt.Errorf("%q: nothing is known of %s: targets, only of %s", c.Location, e.Scheme, strings.Join(known, ", "))
	if e.URL == nil {
		err = fmt.Errorf("%w: a directory with such a name is written ./%s", err, c.Location)
	}
	return Scheme{}, err
}
