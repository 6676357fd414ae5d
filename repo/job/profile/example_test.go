package profile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/repo/job/profile"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "config.yaml")
	text := `profiles:
  app:
    repo: /backup/app
    key-file: /etc/qsnap/app.key
    sources: [/srv/app]
    schedule: {every: 1h}
    retention: {keep-last: 72}
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	set, err := profile.Load(name, nil)
	if err != nil {
		log.Fatal(err)
	}
	app, err := set.Get("app")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.Repo, app.Schedule.Every, app.Retention.KeepLast, app.Limits.CPU)
	_, err = set.Get("ap")
	fmt.Println(err != nil)
	// Output:
	// /backup/app 1h 72 10%
	// true
}
