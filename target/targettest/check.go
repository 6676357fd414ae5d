// Package targettest checks that a target keeps the contract of package target. It also
// has targets in memory: some fail on purpose, and others make each operation wait until
// a test chooses it.
package targettest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// largest is the size of the largest object that Check puts.
const largest = 9 << 20

// Check exercises a target and returns its first violation of the contract, or nil. It
// works below a new prefix "targettest/…", which it removes again. It moves about 25 MiB,
// and may be run on a target in use.
//
// It can't find out whether what Put reported as durable survives a power failure.
func Check(ctx context.Context, t target.Target) error {
	c := newChecker(ctx, t, largest)
	defer c.cleanUp()
	for _, clause := range c.clauses() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := clause.check(); err != nil {
			return fmt.Errorf("%s: %w", clause.name, err)
		}
	}
	return nil
}

// A Finding says whether a target keeps one clause of the contract.
type Finding struct {
	Clause string // such as "a deleted object is gone"
	Err    error  // nil if the target keeps it
}

// Survey does what Check does, with all clauses at once, and returns a finding for each.
// On a remote target that takes a fraction of the time. It puts no object larger than
// limit bytes, unless limit is zero.
func Survey(ctx context.Context, t target.Target, limit int64) []Finding {
	if limit == 0 {
		limit = largest
	}
	c := newChecker(ctx, t, limit)
	defer c.cleanUp()
	clauses := c.clauses()
	findings := make([]Finding, len(clauses))
	var all sync.WaitGroup
	for i, clause := range clauses {
		all.Go(func() { findings[i] = Finding{clause.name, clause.check()} })
	}
	all.Wait()
	return findings
}

type checker struct {
	ctx    context.Context
	t      target.Target
	prefix string
	limit  int64 // of an object's size
}

func newChecker(ctx context.Context, t target.Target, limit int64) *checker {
	var random [8]byte
	rand.Read(random[:])
	return &checker{ctx: ctx, t: t, prefix: "targettest/" + hex.EncodeToString(random[:]) + "/", limit: limit}
}

// A clause is one promise of the contract. The clauses of a checker can be checked in any
// order, and at the same time.
type clause struct {
	name  string
	check func() error
}

func (c *checker) clauses() []clause {
	return []clause{
		{"a new object reads as it was put", c.reads},
		{"a range reads as it was put", c.ranges},
		{"a range beyond the end is an error", c.beyond},
		{"an absent object is fs.ErrNotExist", c.absent},
		{"an existing object is never replaced", c.createOnly},
		{"of racing puts one wins whole", c.race},
		{"list yields what is there, in order", c.lists},
		{"a deleted object is gone", c.deletes},
		{"a failed put leaves nothing behind", c.failedPut},
		{"a cancelled context ends every call", c.cancelled},
		{"bad names are refused", c.names},
		{"a staged object is put when it is committed", c.stages},
	}
}

// cleanUp removes what the checks left, even if they were cancelled. Objects that it
// can't remove do no harm.
func (c *checker) cleanUp() {
	ctx := context.WithoutCancel(c.ctx)
	var names []string
	for info, err := range c.t.List(ctx, c.prefix) {
		if err != nil {
			return
		}
		names = append(names, info.Name)
	}
	var deletes sync.WaitGroup
	defer deletes.Wait()
	room := make(chan bool, 8)
	for _, name := range names {
		room <- true
		deletes.Go(func() {
			c.t.Delete(ctx, name)
			<-room
		})
	}
}
