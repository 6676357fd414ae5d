package connect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A repository on a server is opened in one call, with everything that qsnap would do around
// it. At the first run it is made.
func ExampleOpen() {
	backup := func(ctx context.Context) error {
		c := connect.Config{
			Location:   "webdavs://ann@cloud.example.org/dav/backup",
			CAFile:     "/etc/app/ca.pem",
			UploadRate: 2 << 20,
			RetryFor:   time.Hour,
			Waiting:    func(w connect.Wait) { log.Print(w) },
		}
		secret := connect.Secret{PasswordFile: "/etc/app/password"}
		r, err := connect.Open(ctx, c, secret, repo.Options{})
		if errors.Is(err, repo.ErrNoRepository) {
			r, err = connect.Init(ctx, c, secret, repo.InitOptions{})
		}
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.Snapshot(ctx, repo.Paths("/srv/app"), repo.SnapshotOptions{})
		return err
	}
	_ = backup
}

// A directory needs its location and a secret, which may come from the environment.
func ExampleInit() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)

	key, err := repo.NewKey()
	check(err)
	file := filepath.Join(dir, "key")
	check(os.WriteFile(file, []byte(key), 0o600))

	c := connect.Config{Location: connect.Directory(filepath.Join(dir, "backup"))}
	r, err := connect.Init(ctx, c, connect.Secret{KeyFile: file}, repo.InitOptions{})
	check(err)
	defer r.Close()
	list, err := r.Snapshots(ctx, repo.Filter{})
	check(err)
	fmt.Println(len(list), "snapshots")
	// Output: 0 snapshots
}

// Check finds mistakes before anything is done, and no message holds a secret.
func ExampleConfig_Check() {
	for _, l := range []connect.Location{"s3://backup/app?endpoint=s3.example.org", "sftp://ann:secret@nas/backup", "ftp://nas/backup"} {
		fmt.Println(connect.Config{Location: l}.Check())
	}
	// Output:
	// <nil>
	// "sftp://ann:***@nas/backup" has a password in it, which all processes can see: put it in QSNAP_TARGET_PASSWORD, a file named by QSNAP_TARGET_PASSWORD_FILE, or ~/.netrc
	// "ftp://nas/backup": nothing is known of ftp: targets, only of local, rclone, s3, sftp, webdav, webdavs
}

// A program's own target is opened by location like those that are built in, with the same
// retries, limits and counts around it.
func ExampleScheme() {
	ctx := context.Background()
	var memory targettest.Memory
	c := connect.Config{
		Location: "memory:all",
		Schemes: map[string]connect.Scheme{"memory": {
			Open: func(_ context.Context, e connect.Endpoint) (target.Target, error) { return &memory, nil },
		}},
		CountTraffic: true,
	}
	t, err := connect.Target(ctx, c)
	check(err)
	defer t.Close()
	_, err = t.Stat(ctx, "config")
	fmt.Println(errors.Is(err, os.ErrNotExist), t.Traffic().Requests())
	// Output: true 1
}
