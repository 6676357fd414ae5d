//lint:file-ignore SA4006 The README's lines leave errors to the reader.

package repo_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// readme is the code of the README, so that it compiles. The lines between the comments are
// there word by word, except for white space.
func readme(ctx context.Context, noon time.Time) {
	// README begins
	c := connect.Config{Location: "sftp://backup@nas/srv/app", UploadRate: 2 << 20} // or a directory, s3://, webdavs://, rclone:
	secret := connect.Secret{PasswordFile: "/etc/app/password"}                     // or a key, a command, the environment
	r, err := connect.Open(ctx, c, secret, repo.Options{})                          // connect.Init makes a repository
	m, err := r.Snapshot(ctx, repo.Paths("/srv/app"), repo.SnapshotOptions{Tags: []string{"hourly"}})
	then, err := r.Latest(ctx, repo.Filter{Until: noon})      // the newest that had ended then
	http.Handle("/", http.FileServerFS(r.View(then).FS(ctx))) // a snapshot is an fs.FS
	report, err := r.Restore(ctx, m, repo.RestoreOptions{To: "/srv/app.new"})
	damage, err := r.Check(ctx, repo.CheckOptions{ReadData: true}) // damage is repo.ErrDamaged, too
	kept, err := r.Retain(ctx, repo.RetainOptions{Policy: retention.Policy{KeepLast: 72}})
	freed, err := r.Prune(ctx, repo.PruneOptions{})
	for change, err := range r.Diff(ctx, &then.Root, &m.Root) {
		fmt.Println(change.Path, err)
	}
	versions, err := r.Snapshots(ctx, repo.Filter{}) // all, the oldest first
	// README ends
	_, _, _, _, _, _ = report, damage, kept, freed, versions, err
}

func TestTheCodeOfTheReadmeCompiles(t *testing.T) {
	between := func(file, begin, end string) []string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), begin)
		code, _, found := strings.Cut(rest, end)
		if !found {
			t.Fatalf("%s: no code", file)
		}
		return strings.Fields(code)
	}
	inReadme := between("../README.md", "```go\n", "```")
	compiled := between("readme_test.go", "// README begins\n", "// README ends")
	if got, want := strings.Join(inReadme, " "), strings.Join(compiled, " "); got != want {
		t.Errorf("the README has\n%s\ncompiled is\n%s", got, want)
	}
	b, err := os.ReadFile("../README.md")
	if n := strings.Count(string(b), "```go"); err != nil || n != 1 {
		t.Errorf("%d pieces of code, of which one is compiled, %v", n, err)
	}
	_ = readme
}
