package job

import (
	"fmt"
	"time"

	"github.com/qsnap/qsnap/internal/series"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// warnOfOthers says that another installation makes versions for the same profile of the same
// host, or did when this one made none yet: a machine was cloned or restored, or the state
// directory was lost. Each of them has slots of its own.
func (x *running) warnOfOthers(versions []*snapshot.Manifest) {
	mine := retention.Series{Hostname: x.host, Profile: x.p.Name, Installation: x.dir.Installation()}
	if mine.Installation.IsZero() {
		return
	}
	now := x.o.Now()
	var last time.Time // of this installation
	for _, s := range series.All(versions, now) {
		if s.Series == mine {
			last = s.Last
		}
	}
	for _, other := range series.Others(versions, mine, now) {
		if other.Last.After(last) {
			x.warn(fmt.Errorf("another installation, %s, has made versions of profile %s for host %s until %s: if this machine was cloned, give it a host name of its own; if it was replaced, \"qsnap profile adopt %s --host %s\" takes the versions over",
				other.Installation, x.p.Name, x.host, other.Last.Local().Format(time.DateTime), x.p.Name, x.host))
		}
	}
}
