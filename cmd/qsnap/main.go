package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target/local"
)

func main() {
	ctx := context.Background()
	if p := os.Getenv("PROF"); p != "" {
		f, _ := os.Create(p)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	t, err := local.Create(os.Args[2])
	if err != nil {
		panic(err)
	}
	var r *repo.Repo
	if os.Args[1] == "init" {
		r, err = repo.Init(ctx, t, repo.Passphrase("x"), repo.InitOptions{})
		if err != nil {
			panic(err)
		}
		return
	}
	if p := os.Getenv("HEAP"); p != "" {
		time.AfterFunc(2500*time.Millisecond, func() {
			f, _ := os.Create(p)
			runtime.GC()
			pprof.WriteHeapProfile(f)
			f.Close()
		})
	}
	t0 := time.Now()
	r, err = repo.Open(ctx, t, repo.Passphrase("x"), repo.Options{})
	if err != nil {
		panic(err)
	}
	t1 := time.Now()
	if os.Args[1] == "restore" {
		m, err := r.Find(ctx, "latest", repo.Select{})
		if err != nil {
			panic(err)
		}
		rep, err := r.Restore(ctx, m, repo.RestoreOptions{To: os.Args[3], NoSync: os.Getenv("NOSYNC") != ""})
		fmt.Printf("open %v restore %v %+v %v\n", t1.Sub(t0), time.Since(t1), rep, err)
		return
	}
	m, err := r.Snapshot(ctx, repo.Paths(os.Args[3]), repo.SnapshotOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("open %v snap %v %+v problems %+v\n", t1.Sub(t0), time.Since(t1), m.Stats, m.Problems)
	r.Close()
}
