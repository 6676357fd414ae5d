package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

func ExampleInit() {
	ctx := context.Background()
	var t targettest.Memory
	r, err := repo.Init(ctx, &t, repo.Passphrase("secret"), repo.InitOptions{Label: "Ann's passphrase"})
	check(err)
	defer r.Close()

	// A second repository cuts files like the first, so copies share chunks with its own snapshots.
	other, err := repo.Init(ctx, &targettest.Memory{}, repo.Passphrase("another secret"), repo.InitOptions{Like: r})
	check(err)
	defer other.Close()

	_, err = repo.Init(ctx, &t, repo.Passphrase("secret"), repo.InitOptions{})
	fmt.Println("made twice:", errors.Is(err, os.ErrExist))
	// Output: made twice: true
}

func ExampleProbe() {
	ctx := context.Background()
	err := repo.Probe(ctx, &targettest.Memory{})
	fmt.Println(errors.Is(err, repo.ErrNoRepository))
	// Output: true
}

func ExampleLogTo() {
	ctx := context.Background()
	var here, there targettest.Memory
	check(exampleOn(ctx, &here).Close())
	_, err := repo.ReplicateKeyless(ctx, &here, &there, repo.KeylessOptions{})
	check(err)
	losePacks(&here)

	var log bytes.Buffer // or os.Stderr
	r, err := repo.Open(ctx, &here, repo.Passphrase("secret"), repo.Options{
		Replicas: []repo.Replica{repo.ReplicaOn("the second disk", &there)},
		Warn:     repo.LogTo(slog.NewTextHandler(&log, nil)),
	})
	check(err)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	file, err := r.View(m).Entry(ctx, "readme.txt")
	check(err)
	check(r.View(m).WriteTo(ctx, os.Stdout, file))
	fmt.Println(strings.Count(log.String(), "was read from replica the second disk"), "warning")
	// Output:
	// hello
	// 1 warning
}

// The objects that were read from the replica are repaired from it.
func ExampleMaintenance_Served() {
	ctx := context.Background()
	var here, there targettest.Memory
	check(exampleOn(ctx, &here).Close())
	_, err := repo.ReplicateKeyless(ctx, &here, &there, repo.KeylessOptions{})
	check(err)
	losePacks(&here)

	r, err := repo.Open(ctx, &here, repo.Passphrase("secret"), repo.Options{
		Replicas: []repo.Replica{repo.ReplicaOn("the second disk", &there)},
	})
	check(err)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	v := r.View(m)
	file, err := v.Entry(ctx, "readme.txt")
	check(err)
	check(v.WriteTo(ctx, os.Stdout, file))

	served := r.Maintenance().Served()
	report, err := r.Maintenance().Heal(ctx, &there, repo.HealOptions{Suspects: served})
	check(err)
	fmt.Println("something was read from the replica:", len(served) > 0)
	fmt.Println(report.Packs, "packs are whole here again")
	// Output:
	// hello
	// something was read from the replica: true
	// 2 packs are whole here again
}

// losePacks deletes all packs of a repository.
func losePacks(t *targettest.Memory) {
	for name := range t.Objects() {
		if strings.HasPrefix(name, "packs/") {
			t.Set(name, nil)
		}
	}
}
