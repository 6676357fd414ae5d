package repo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/targettest"
)

// A keyService gets the secret of a repository from elsewhere, when it is needed.
type keyService struct {
	fetch func(ctx context.Context, name string) (string, error) // of a vault, a TPM, an agent
	name  string
}

func (s keyService) Unlock(ctx context.Context) (repo.Secret, error) {
	text, err := s.fetch(ctx, s.name)
	if err != nil {
		return repo.Secret{}, fmt.Errorf("secret %s: %w", s.name, err)
	}
	return repo.Passphrase(text), nil
}

func ExampleUnlocker() {
	ctx := context.Background()
	service := keyService{name: "backup/app", fetch: func(_ context.Context, name string) (string, error) {
		fmt.Println("fetching", name)
		return "secret", nil
	}}
	var t targettest.Memory
	check(exampleOn(ctx, &t).Close())
	r, err := repo.Open(ctx, &t, service, repo.Options{})
	check(err)
	check(r.Close())
	// Output: fetching backup/app
}

func ExampleNewKey() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "app.key")
	text, err := repo.NewKey()
	check(err)
	check(os.WriteFile(file, []byte(text), 0o600)) // keep a copy elsewhere

	stored, err := os.ReadFile(file)
	check(err)
	key, err := repo.ParseKey(string(stored))
	check(err)
	r, err := repo.Init(ctx, &targettest.Memory{}, key, repo.InitOptions{})
	check(err)
	defer r.Close()
	keys, err := r.Keys().List(ctx)
	check(err)
	fmt.Println(keys[0].Kind)
	// Output: key file
}

func ExampleKeys_Add() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	added, err := r.Keys().Add(ctx, repo.Passphrase("Bob's secret"), "Bob")
	check(err)
	all, err := r.Keys().List(ctx)
	check(err)
	for _, k := range all {
		if k.ID == added.ID {
			fmt.Printf("%s of %s, one of %d\n", k.Kind, k.Label, len(all))
		}
	}
	// Output: passphrase of Bob, one of 2
}

func ExampleKeys_Remove() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	added, err := r.Keys().Add(ctx, repo.Passphrase("Bob's secret"), "Bob")
	check(err)

	k, err := r.Keys().Find(ctx, added.ID[:8]) // as a person types it
	check(err)
	check(r.Keys().Remove(ctx, k.ID))
	_, err = r.Keys().Find(ctx, added.ID)
	fmt.Println("gone:", errors.Is(err, os.ErrNotExist))
	// Output: gone: true
}

func ExampleKeys_Replace() {
	ctx := context.Background()
	var t targettest.Memory
	r := exampleOn(ctx, &t)
	check(r.Keys().Replace(ctx, repo.Passphrase("a better secret")))
	check(r.Close())

	_, err := repo.Open(ctx, &t, repo.Passphrase("secret"), repo.Options{})
	fmt.Println(errors.Is(err, repo.ErrWrongSecret))
	// Output: true
}

// After somebody has seen a secret, what is stored from then on is sealed with another key.
func ExampleKeys_Rotate() {
	ctx := context.Background()
	var t targettest.Memory
	r := exampleOn(ctx, &t)
	_, err := r.Keys().Add(ctx, repo.Passphrase("Bob's secret"), "Bob")
	check(err)
	left, err := r.Keys().Rotate(ctx, repo.Passphrase("a new secret"))
	check(err)
	check(r.Close()) // with the older key it can change nothing

	r, err = repo.Open(ctx, &t, repo.Passphrase("a new secret"), repo.Options{})
	check(err)
	defer r.Close()
	for _, k := range left {
		fmt.Println("opens only what is older:", k.Label)
		check(r.Keys().Remove(ctx, k.ID))
	}
	// Output: opens only what is older: Bob
}

func ExampleKeys_RecoverySheet() {
	ctx := context.Background()
	var t targettest.Memory
	r := exampleOn(ctx, &t)
	sheet, err := r.Keys().RecoverySheet() // print it, and keep it away from the repository
	check(err)
	check(r.Close())

	// Every passphrase is forgotten: the sheet opens the repository.
	secret, err := repo.ParseKey(sheet)
	check(err)
	r, err = repo.Open(ctx, &t, secret, repo.Options{})
	check(err)
	defer r.Close()
	_, err = r.Keys().Add(ctx, repo.Passphrase("a new secret"), "after the recovery")
	fmt.Println(err)
	// Output: <nil>
}

// A sessionCache lasts as long as the process.
type sessionCache struct{ values sync.Map }

func (m *sessionCache) Load(name string) ([]byte, error) {
	if v, ok := m.values.Load(name); ok {
		return v.([]byte), nil
	}
	return nil, os.ErrNotExist
}

func (m *sessionCache) Store(name string, value []byte) error {
	m.values.Store(name, value)
	return nil
}

// A server that opens a repository for each request spends the effort of a passphrase once.
func ExampleSecret_WithUnlockCache() {
	ctx := context.Background()
	var t targettest.Memory
	check(exampleOn(ctx, &t).Close())
	var cache sessionCache
	secret := repo.Passphrase("secret").WithUnlockCache(&cache)
	for range 2 {
		r, err := repo.Open(ctx, &t, secret, repo.Options{})
		check(err)
		check(r.Close())
	}
	n := 0
	cache.values.Range(func(any, any) bool { n++; return true })
	fmt.Println(n, "slot is remembered")
	// Output: 1 slot is remembered
}
