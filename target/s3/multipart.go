package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// partsAtOnce is how many parts are sent at the same time. They are read from the body
// while they are sent, so that they take no memory.
const partsAtOnce = 4

// abortTimeout limits the cleanup after a failed upload, even if the context has ended.
const abortTimeout = 3 * time.Second

// inParts puts the object with a multipart upload.
func (p *put) inParts(ctx context.Context) error {
	t := p.t
	t.orphans.abort(ctx, t)
	opts := p.options()
	if t.o.Checksum == "crc32c" {
		opts.UserMetadata["x-amz-checksum-algorithm"] = "CRC32C"
	}
	noted, n := withNote(ctx)
	upload, err := t.core.NewMultipartUpload(noted, t.o.Bucket, p.key, opts)
	if err == nil && upload == "" {
		err = errors.New("the store gives the upload no id: is this an S3 store?")
	}
	if err != nil {
		return t.fail(ctx, "put", p.name, n, err)
	}
	parts, err := p.sendParts(ctx, upload)
	if err == nil {
		err = p.complete(ctx, upload, parts)
	}
	if err != nil {
		t.orphans.add(orphan{p.key, upload})
		t.orphans.abort(ctx, t)
	}
	return err
}

// partSize returns a part size with which the object has no more parts than S3 allows.
func (p *put) partSize() int64 {
	least := (p.size + maxParts - 1) / maxParts
	const step = 1 << 20
	return max(p.t.o.PartSize, (least+step-1)/step*step)
}

// sendParts sends all parts. If one fails, it starts no more and waits for the others: a
// store may finish an interrupted part after it has aborted the upload.
func (p *put) sendParts(ctx context.Context, upload string) ([]minio.CompletePart, error) {
	partSize := p.partSize()
	parts := make([]minio.CompletePart, (p.size+partSize-1)/partSize)
	var failed atomic.Bool
	var group errgroup.Group
	group.SetLimit(partsAtOnce)
	for i := range parts {
		group.Go(func() (err error) {
			if failed.Load() {
				return nil
			}
			off := int64(i) * partSize
			if parts[i], err = p.sendPart(ctx, upload, i+1, off, min(partSize, p.size-off)); err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return parts, group.Wait()
}

// sendPart sends one part. Unlike a whole object, a part may be resent at once.
func (p *put) sendPart(ctx context.Context, upload string, number int, off, size int64) (minio.CompletePart, error) {
	t := p.t
	sums, err := p.sums(ctx, off, size)
	if err != nil {
		return minio.CompletePart{}, err
	}
	opts := minio.PutObjectPartOptions{Md5Base64: sums.md5, Sha256Hex: sums.sha256, DisableContentSha256: true, CustomHeader: http.Header{}}
	if sums.crc != "" {
		opts.CustomHeader.Set("x-amz-checksum-crc32c", sums.crc)
	}
	const tries = 3
	for try := 1; ; try++ {
		noted, n := withNote(ctx)
		sent, err := t.core.PutObjectPart(noted, t.o.Bucket, p.key, upload, number, io.NewSectionReader(p.body, off, size), size, opts)
		if err == nil && sent.ETag == "" {
			err = errors.New("the store says that a part is done, and not what it has stored: is this an S3 store?")
		}
		if err == nil {
			return minio.CompletePart{PartNumber: number, ETag: sent.ETag, ChecksumCRC32C: sums.crc}, nil
		}
		if broken := p.body.broken(); broken != nil {
			return minio.CompletePart{}, p.fault(broken)
		}
		err = t.fail(ctx, "put", p.name, n, err)
		e, ok := errors.AsType[*Error](err)
		if try == tries || !ok || !e.Temporary() || e.Code == minio.NoSuchUpload {
			return minio.CompletePart{}, err
		}
		if waitErr := wait(ctx, max(e.RetryAfter(), pause<<try)); waitErr != nil {
			return minio.CompletePart{}, t.fail(ctx, "put", p.name, nil, waitErr)
		}
	}
}

// complete makes the object from the parts that were sent, and checks that it is
// complete.
func (p *put) complete(ctx context.Context, upload string, parts []minio.CompletePart) error {
	t := p.t
	var opts minio.PutObjectOptions
	if p.createOnly {
		opts.SetMatchETagExcept("*")
	}
	noted, n := withNote(ctx)
	_, err := t.core.CompleteMultipartUpload(noted, t.o.Bucket, p.key, upload, parts, opts)
	if err != nil {
		// The upload can't be completed a second time after a conflict.
		_, err = p.resolve(ctx, n, err)
		return err
	}
	there, err := t.stat(ctx, "put", p.name)
	if err == nil && there.Size != p.size {
		err = &Error{Op: "put", Path: t.path(p.name), text: "the store has assembled the parts into an object of another size"}
	}
	return err
}

// An orphan is a failed upload, which takes space until it is aborted.
type orphan struct{ key, upload string }

// orphans are failed uploads of this target. Those of other targets may be running.
type orphans struct {
	mu  sync.Mutex
	all []orphan
}

func (o *orphans) add(one orphan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, one)
}

// abort aborts the uploads that it can. The rest is left for the next call.
func (o *orphans) abort(ctx context.Context, t *Target) {
	o.mu.Lock()
	all := o.all
	o.all = nil
	o.mu.Unlock()
	if len(all) == 0 {
		return
	}
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	for _, one := range all {
		if !one.abort(cleaning, t) || ctx.Err() != nil { // parts were interrupted
			o.add(one)
		}
	}
}

// abort reports whether the upload is gone. Running parts make it fail, or outlive it
// (Amazon S3 API Reference, "AbortMultipartUpload").
func (o orphan) abort(ctx context.Context, t *Target) bool {
	const tries = 5
	for try := range tries {
		if try > 0 && wait(ctx, pause<<try) != nil {
			return false
		}
		err := t.core.AbortMultipartUpload(ctx, t.o.Bucket, o.key, o.upload)
		if err == nil {
			_, err = t.core.ListObjectParts(ctx, t.o.Bucket, o.key, o.upload, 0, 1)
		}
		if answer, ok := errors.AsType[minio.ErrorResponse](err); ok && answer.Code == minio.NoSuchUpload {
			return true
		}
	}
	return false
}
