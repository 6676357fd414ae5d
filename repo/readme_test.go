package repo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

// readme is the code of the README, so that it compiles: what lies between the comments is
// there word by word, except for spaces.
func readme(ctx context.Context, noon time.Time) error {
	// README begins
	c := connect.Config{Location: "sftp://backup@nas/srv/app"}  // or a directory, s3://, webdavs://, rclone:
	secret := connect.Secret{PasswordFile: "/etc/app/password"} // or a key, a command, the environment
	r, err := connect.Open(ctx, c, secret, repo.Options{})      // connect.Init makes the repository, once
	if err != nil {
		return err
	}
	defer r.Close()

	m, err := r.Snapshot(ctx, repo.Paths("/srv/app"), repo.SnapshotOptions{Tags: []string{"hourly"}})
	if err != nil && !errors.Is(err, repo.ErrIncomplete) { // an incomplete snapshot was taken all the same
		return err
	}
	fmt.Println("taken:", m)

	app := repo.Filter{Paths: []string{"/srv/app"}} // a repository may hold other sources, too
	versions, err := r.Snapshots(ctx, app)
	if err != nil {
		return err
	}
	for _, v := range versions { // the oldest first: for the newest ask Latest, not versions[0]
		fmt.Println(v)
	}

	app.Until = noon
	then, err := r.Latest(ctx, app) // the newest that had ended at noon, or ErrNoSnapshot
	if err != nil {
		return err
	}
	_, err = r.Restore(ctx, then, repo.RestoreOptions{To: "/srv/app.noon"})
	return err
	// README ends
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

func TestTheLinksOfTheReadmeLeadToFiles(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^):]+)\)`).FindAllSubmatch(b, -1)
	if len(links) < 10 {
		t.Errorf("%d links: the table of examples has nine", len(links))
	}
	for _, l := range links {
		if _, err := os.Stat(filepath.Join("..", string(l[1]))); err != nil {
			t.Error(err)
		}
	}
}
