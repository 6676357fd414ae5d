package webdav

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/servers"
)

// A realServer is a WebDAV server of somebody else's.
type realServer struct{ *servers.Server }

// eachServer runs a test on each real server, newly started.
func eachServer(t *testing.T, test func(t *testing.T, s realServer)) {
	for _, kind := range servers.Kinds() {
		if slices.Contains([]string{"apache", "nginx", "rclone"}, kind.Name) {
			t.Run(kind.Name, func(t *testing.T) { test(t, realServer{kind.Start(t)}) })
		}
	}
}

func (s realServer) open(t testing.TB) *Target {
	t.Helper()
	tgt := open(t, Options{
		URL: "http://" + s.Addr + "/a/b", User: s.User, Password: s.Password, Create: true, Timeout: 20 * time.Second,
	})
	tgt.patience = time.Second
	return tgt
}

// A slowBody hands out what it is let to.
type slowBody struct {
	*bytes.Reader
	reached chan<- struct{} // is told when the last third is asked for
	goOn    <-chan struct{}
	told    bool
}

func (b *slowBody) ReadAt(p []byte, off int64) (int, error) {
	if off > b.Size()*2/3 && !b.told {
		b.told = true
		close(b.reached)
		<-b.goOn
	}
	return b.Reader.ReadAt(p, off)
}
