package s3

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/minio/minio-go/v7"
)

// probes hold what is known about create-only puts and about locks.
type probes struct {
	turn         chan struct{} // held by the goroutine that probes and changes these fields
	whole, parts answer
	locks        answer // whether the bucket has object lock
}

type answer struct{ known, yes bool }

func newProbes() probes { return probes{turn: make(chan struct{}, 1)} }

// probeName can't be the name of an object.
const probeName = ".probe"

// CreateOnly reports whether the store itself keeps Put from replacing an object, so that
// if several callers put one name, one succeeds. It asks the store the first time. If it
// returns false, the package's documentation says what Put does instead.
func (t *Target) CreateOnly(ctx context.Context) (bool, error) {
	return t.ask(ctx, &t.probes.whole, t.probeWhole)
}

// partsCreateOnly is CreateOnly for objects that are put in parts.
func (t *Target) partsCreateOnly(ctx context.Context) (bool, error) {
	return t.ask(ctx, &t.probes.parts, t.probeParts)
}

func (t *Target) ask(ctx context.Context, a *answer, probe func(context.Context) (bool, error)) (bool, error) {
	select {
	case t.probes.turn <- struct{}{}:
	case <-ctx.Done():
		return false, t.fail(ctx, "put", "", nil, ctx.Err())
	}
	defer func() { <-t.probes.turn }()
	if a.known {
		return a.yes, nil
	}
	yes, err := probe(ctx)
	if err == nil {
		*a = answer{true, yes}
	}
	return yes, err
}

// outcome is what a store does with a conditional put.
type outcome int

const (
	created outcome = iota
	kept            // the store kept the existing object, as it should
	unknown         // the store refuses the condition
)

// probeWhole puts a small object that exists already, from an earlier run or since a
// moment ago.
func (t *Target) probeWhole(ctx context.Context) (bool, error) {
	key := t.prefix + probeName
	first, err := t.tryCreate(ctx, key)
	if err != nil || first != created {
		return first == kept, err
	}
	second, err := t.tryCreate(ctx, key)
	if err != nil || second != kept {
		return false, err
	}
	yes, err := t.raceCreate(ctx)
	if err != nil || !yes {
		t.discard(ctx, key) // so that the next run tests again
	}
	return yes, err
}

// raceCreate puts one object several times at once: a store may check first and then
// write, without keeping others out. A race without a winner says nothing: a request that
// was sent twice on the way finds its own object.
func (t *Target) raceCreate(ctx context.Context) (bool, error) {
	const races = 3
	for range races {
		wins, err := t.race(ctx)
		if err != nil || wins > 0 {
			return wins == 1, err
		}
	}
	return false, &Error{Op: "put", Path: t.path(probeName), temporary: true,
		text: "the store refuses to create an object, and says that the object doesn't exist"}
}

// race returns how many of the callers that put one object at once succeeded.
func (t *Target) race(ctx context.Context) (wins int, err error) {
	const racers = 4
	key := t.prefix + probeName + "-" + randomHex()
	outcomes, errs := make([]outcome, racers), make([]error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() { outcomes[i], errs[i] = t.tryCreate(ctx, key) })
	}
	wg.Wait()
	t.discard(ctx, key)
	for _, o := range outcomes {
		if o == created {
			wins++
		}
	}
	return wins, cmp.Or(errs...)
}

// tryCreate puts a small object on the condition that there is none.
func (t *Target) tryCreate(ctx context.Context, key string) (outcome, error) {
	body := []byte("qsnap looks whether this store replaces objects; this one may be deleted\n")
	p := &put{t: t, name: probeName, key: key, body: &lent{body: bytes.NewReader(body)}, size: int64(len(body)), createOnly: true, mark: randomHex()}
	sums, err := p.sums(ctx, 0, p.size)
	if err != nil {
		return unknown, err
	}
	n, err := p.send(ctx, p.options(), sums)
	return t.outcome(ctx, n, err)
}

func (t *Target) outcome(ctx context.Context, n *note, err error) (outcome, error) {
	answer, answered := errors.AsType[minio.ErrorResponse](err)
	switch {
	case err == nil:
		return created, nil
	case answered && (refused(answer) || answer.Code == "ConditionalRequestConflict"):
		return kept, nil
	case answered && (answer.Code == minio.NotImplemented || answer.StatusCode == http.StatusNotImplemented):
		return unknown, nil
	}
	return unknown, t.fail(ctx, "put", probeName, n, err)
}

// probeParts completes an upload of one part under the name of the probe that probeWhole
// has found.
func (t *Target) probeParts(ctx context.Context) (bool, error) {
	key := t.prefix + probeName
	noted, n := withNote(ctx)
	upload, err := t.core.NewMultipartUpload(noted, t.o.Bucket, key, minio.PutObjectOptions{ServerSideEncryption: t.sse})
	if err != nil {
		return false, t.fail(ctx, "put", probeName, n, err)
	}
	p := &put{t: t, name: probeName, key: key, body: &lent{body: bytes.NewReader([]byte("x"))}, size: 1, createOnly: true}
	parts, err := p.sendParts(ctx, upload)
	if err == nil {
		var opts minio.PutObjectOptions
		opts.SetMatchETagExcept("*")
		noted, n = withNote(ctx)
		_, err = t.core.CompleteMultipartUpload(noted, t.o.Bucket, key, upload, parts, opts)
		var o outcome
		if o, err = t.outcome(ctx, n, err); err == nil && o == created {
			return false, nil
		}
		if err == nil {
			t.orphans.add(orphan{key, upload})
			t.orphans.abort(ctx, t)
			return o == kept, nil
		}
	}
	t.orphans.add(orphan{key, upload})
	t.orphans.abort(ctx, t)
	return false, err
}

// discard removes a probe with its version. If that isn't allowed, it stays, and List
// doesn't show it.
func (t *Target) discard(ctx context.Context, key string) {
	there, err := t.statKey(ctx, "put", probeName, key)
	if err != nil {
		return
	}
	if err := t.core.RemoveObject(ctx, t.o.Bucket, key, minio.RemoveObjectOptions{VersionID: there.VersionID}); err != nil && there.VersionID != "" {
		_ = t.core.RemoveObject(ctx, t.o.Bucket, key, minio.RemoveObjectOptions{})
	}
}
