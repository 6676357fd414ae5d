package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"path/filepath"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/snapshot/retention"
)

func main() {
	location := flag.String("location", "", "keep the repository at `LOCATION`, such as sftp://USER@HOST/DIRECTORY")
	knownHosts := flag.String("known-hosts", "", "trust the SSH servers in `FILE`, and no other")
	identity := flag.String("identity", "", "log in with the private key in `FILE`")
	fingerprint := flag.String("fingerprint", "", "trust the HTTPS server whose certificate has this SHA-256 `SUM`, and no other")
	source := flag.String("source", "", "back up `DIR`")
	target := flag.String("target", "", "restore to `DIR`")
	config := flag.String("jobs", "", "write a job to the configuration in `FILE`, and run it")
	flag.Parse()
	if *config != "" {
		if err := jobs(context.Background(), *config); err != nil {
			log.Fatal(err)
		}
		return
	}

	c := connect.Config{
		Location:     connect.Location(*location),
		Fingerprint:  *fingerprint,
		KnownHosts:   one(*knownHosts),
		KeyFiles:     one(*identity),
		UploadRate:   100 << 20,
		DownloadRate: 100 << 20,
		RetryFor:     5 * time.Minute,
		CountTraffic: true,
		Waiting:      func(w connect.Wait) { log.Print(w) },
		Warn:         func(err error) { log.Print(err) },
	}
	if err := run(context.Background(), c, *source, *target); err != nil {
		log.Fatal(err)
	}
}

// one returns the list of a file that is named, or nil if none is.
func one(file string) []string {
	if file == "" {
		return nil
	}
	return []string{file}
}

// run takes a snapshot, restores it elsewhere, and tidies up as an hourly job would. The
// password or key is where qsnap finds it, too: in QSNAP_PASSWORD and its like.
func run(ctx context.Context, c connect.Config, source, target string) (err error) {
	r, err := connect.Open(ctx, c, connect.Secret{}, repo.Options{})
	if errors.Is(err, repo.ErrNoRepository) {
		r, err = connect.Init(ctx, c, connect.Secret{}, repo.InitOptions{})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()

	taken, incomplete := r.Snapshot(ctx, repo.Paths(source), repo.SnapshotOptions{Tags: []string{"hourly"}})
	if taken == nil {
		return incomplete // which says why there is no snapshot
	}
	// Other jobs may use the repository, too. Their snapshots are neither listed nor forgotten,
	// unless they hold this source.
	mine := repo.Filter{Hostname: taken.Hostname, Paths: taken.Paths}
	if err := list(ctx, r, mine); err != nil {
		return err
	}
	if _, err := r.Restore(ctx, taken, repo.RestoreOptions{To: target}); err != nil {
		return err
	}
	if err := tidy(ctx, r, mine); err != nil {
		return err
	}
	return incomplete // after everything that can be done was done
}

// list prints the snapshots that a filter selects, the oldest first.
func list(ctx context.Context, r *connect.Repo, f repo.Filter) error {
	all, err := r.Snapshots(ctx, f)
	for _, m := range all {
		fmt.Printf("%s has %d files\n", filepath.Base(m.Paths[0]), m.Stats.Files)
	}
	return err // it names manifests that can't be read
}

// tidy checks the repository, keeps the newest of the snapshots that a filter selects, and
// frees the space of the others.
func tidy(ctx context.Context, r *connect.Repo, f repo.Filter) error {
	checked, err := r.Check(ctx, repo.CheckOptions{ReadData: true})
	if err != nil {
		return err
	}
	if _, err := r.Retain(ctx, repo.RetainOptions{Filter: f, Policy: retention.Policy{KeepLast: 1}}); err != nil {
		return err
	}
	if _, err := r.Prune(ctx, repo.PruneOptions{}); err != nil {
		return err
	}
	fmt.Printf("checked %d snapshots; %d retries\n", checked.Snapshots, r.Conn.Traffic().Retries)
	return nil
}
