package s3

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
)

// pause is how long to wait if a store says that a repetition will succeed.
const pause = 100 * time.Millisecond

// wait waits, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Put implements target.Target.
func (t *Target) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	key, err := t.key(name)
	if err != nil {
		return err
	}
	createOnly, err := t.CreateOnly(ctx)
	if err != nil {
		return err
	}
	large := size > 4*t.o.PartSize
	inParts := large
	if large && createOnly {
		if inParts, err = t.partsCreateOnly(ctx); err != nil {
			return err
		}
	}
	if !inParts && size > maxSingle {
		return &Error{Op: "put", Path: t.path(name), text: "larger than the 5 GiB that this store creates without replacing"}
	}
	if large || !createOnly { // saves sending the body, or is the only check there is
		if _, err := t.stat(ctx, "put", name); !errors.Is(err, fs.ErrNotExist) {
			return t.existing(name, err)
		}
	}
	// A transport may continue to read after it has given up.
	lent := &lent{body: body}
	defer lent.takeBack()
	p := &put{t: t, name: name, key: key, body: lent, size: size, createOnly: createOnly, mark: randomHex()}
	if inParts {
		return p.inParts(ctx)
	}
	return p.whole(ctx)
}

// existing returns fs.ErrExist if the object was found.
func (t *Target) existing(name string, err error) error {
	if err != nil {
		return err
	}
	return &fs.PathError{Op: "put", Path: t.path(name), Err: fs.ErrExist}
}

// A put is one call of Put.
type put struct {
	t          *Target
	name, key  string
	body       *lent
	size       int64
	createOnly bool   // ensured by the store
	mark       string // identifies the object as this put's
}

// markName is the metadata that holds a put's mark.
const markName = "Qsnap-Put"

func randomHex() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// whole puts the object with one request.
func (p *put) whole(ctx context.Context) error {
	sums, err := p.sums(ctx, 0, p.size)
	if err != nil {
		return err
	}
	opts := p.options()
	if sums.crc != "" {
		opts.UserMetadata["x-amz-checksum-crc32c"] = sums.crc
	}
	for try := 1; ; try++ {
		n, err := p.send(ctx, opts, sums)
		if err == nil {
			return nil
		}
		tries, err := p.resolve(ctx, n, err)
		if try >= tries {
			return err
		}
		if err := wait(ctx, pause<<try); err != nil {
			return p.t.fail(ctx, "put", p.name, nil, err)
		}
	}
}

func (p *put) send(ctx context.Context, opts minio.PutObjectOptions, s sums) (*note, error) {
	ctx, n := withNote(ctx)
	if p.createOnly {
		opts.SetMatchETagExcept("*")
	}
	info, err := p.t.core.PutObject(ctx, p.t.o.Bucket, p.key, io.NewSectionReader(p.body, 0, p.size), p.size, s.md5, s.sha256, opts)
	if err == nil && info.ETag == "" {
		err = errors.New("the store reports success, but not what it has stored: is this an S3 store?")
	}
	return n, err
}

// options returns the options of a new object.
func (p *put) options() minio.PutObjectOptions {
	t := p.t
	opts := minio.PutObjectOptions{
		UserMetadata:         map[string]string{markName: p.mark},
		ServerSideEncryption: t.sse,
		DisableContentSha256: true, // the hash is given, not computed chunk by chunk
	}
	if strings.HasPrefix(p.name, packs) {
		opts.StorageClass = t.o.StorageClass
	}
	if t.locks(p.name) {
		opts.Mode = t.lockMode()
		opts.RetainUntilDate = t.RetainUntil()
	}
	return opts
}

// resolve determines the outcome of a put that returned an error: nil if it made the
// object, fs.ErrExist if another did. It returns how often the same request may be
// repeated.
func (p *put) resolve(ctx context.Context, n *note, err error) (tries int, _ error) {
	if broken := p.body.broken(); broken != nil {
		return 1, p.fault(broken)
	}
	failure := p.t.fail(ctx, "put", p.name, n, err)
	answer, answered := errors.AsType[minio.ErrorResponse](err)
	exists := answered && refused(answer)
	conflict := answered && answer.StatusCode == http.StatusConflict
	if e, ok := errors.AsType[*Error](failure); !exists && !conflict && !(ok && e.Temporary()) {
		return 1, failure
	}
	there, statErr := p.t.stat(ctx, "put", p.name)
	switch {
	case statErr == nil && there.UserMetadata[markName] == p.mark && there.Size == p.size:
		return 1, nil
	case statErr == nil:
		return 1, p.t.existing(p.name, nil)
	case ctx.Err() != nil:
		return 1, p.t.fail(ctx, "put", p.name, nil, err)
	case !errors.Is(statErr, fs.ErrNotExist) && exists: // the next check may tell whose it is
		return 1, statErr
	case !errors.Is(statErr, fs.ErrNotExist):
		return 1, failure
	case exists: // deleted since, or long ago and the store still refuses the name
		return 2, &Error{Op: "put", Path: p.t.path(p.name), Code: answer.Code, Status: answer.StatusCode,
			text: "the store refuses to create the object, and says that it doesn't exist: some stores do so in a bucket that keeps versions, for deleted objects"}
	case conflict:
		return 5, failure
	}
	return 1, failure
}

// fault returns the error for a failure of the body.
func (p *put) fault(err error) error {
	return &fs.PathError{Op: "put", Path: p.t.path(p.name), Err: err}
}

// refused reports whether an answer to a conditional put says that the object exists.
// MinIO once said so with 304.
func refused(a minio.ErrorResponse) bool {
	return a.StatusCode == http.StatusPreconditionFailed || a.Code == minio.PreconditionFailed || a.StatusCode == http.StatusNotModified
}

// sums are the checksums of a range of the body.
type sums struct {
	sha256 string // in hex
	md5    string // in base64, like the next; empty if not wanted
	crc    string
}

// sums reads a range of the body and returns its checksums.
func (p *put) sums(ctx context.Context, off, size int64) (s sums, err error) {
	sha := sha256.New()
	all := []io.Writer{sha}
	var md, crc hash.Hash
	if p.t.o.Checksum == "md5" || p.t.locks(p.name) {
		md = md5.New()
		all = append(all, md)
	}
	if p.t.o.Checksum == "crc32c" {
		crc = crc32.New(crc32.MakeTable(crc32.Castagnoli))
		all = append(all, crc)
	}
	to := io.MultiWriter(all...)
	buf := make([]byte, min(size, 1<<20))
	for at, end := off, off+size; at < end; {
		if ctx.Err() != nil {
			return s, p.t.fail(ctx, "put", p.name, nil, ctx.Err())
		}
		piece := buf[:min(end-at, int64(len(buf)))]
		if _, err := p.body.inspect(piece, at); err != nil {
			return s, p.fault(err)
		}
		to.Write(piece)
		at += int64(len(piece))
	}
	s.sha256 = hex.EncodeToString(sha.Sum(nil))
	if md != nil {
		s.md5 = base64.StdEncoding.EncodeToString(md.Sum(nil))
	}
	if crc != nil {
		s.crc = base64.StdEncoding.EncodeToString(crc.Sum(nil))
	}
	return s, nil
}

// A lent body can be read until it is taken back. It records errors of reading, which a
// transport wraps beyond recognition.
type lent struct {
	mu    sync.RWMutex
	body  io.ReaderAt
	fault atomic.Pointer[error]
}

func (l *lent) ReadAt(p []byte, off int64) (int, error) {
	return l.read(func(body io.ReaderAt) io.ReaderAt { return body }, p, off)
}

// inspect reads bytes that aren't sent.
func (l *lent) inspect(p []byte, off int64) (int, error) { return l.read(target.Inspect, p, off) }

func (l *lent) read(as func(io.ReaderAt) io.ReaderAt, p []byte, off int64) (int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.body == nil {
		return 0, errors.New("the put has ended")
	}
	n, err := as(l.body).ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	l.fault.CompareAndSwap(nil, &err)
	return n, err
}

// broken returns the first error of reading.
func (l *lent) broken() error {
	if err := l.fault.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *lent) takeBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.body = nil
}
