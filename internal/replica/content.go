package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/keys"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
)

// A content is what can be seen of an object's bytes without a key.
type content struct {
	hash  [32]byte
	size  int64
	front []byte // the first bytes
}

// contentFront is how many bytes content.front keeps: a whole epoch, or the header of a
// sealed object.
const contentFront = max(seal.HeaderSize, epochSize+1)

// epochSize is the size of an epoch's object: a key's id and its checksum.
const epochSize = seal.KeySize + 16

// A contentWriter finds the content of the bytes that are written to it.
type contentWriter struct {
	content
	h *blake3.Hasher
}

// Write is part of io.Writer.
func (c *contentWriter) Write(p []byte) (int, error) {
	if room := contentFront - len(c.front); room > 0 {
		c.front = append(c.front, p[:min(room, len(p))]...)
	}
	c.size += int64(len(p))
	return c.h.Write(p)
}

// readContent reads an object, and copies it to w.
func readContent(ctx context.Context, s *object.Store, name string, w io.Writer) (content, error) {
	rc, err := s.Get(ctx, name, 0, -1)
	if err != nil {
		return content{}, err
	}
	c := &contentWriter{h: blake3.New()}
	_, err = io.CopyBuffer(io.MultiWriter(c, w), rc, make([]byte, 256<<10))
	copy(c.hash[:], c.h.Sum(nil))
	return c.content, object.Join(err, rc.Close())
}

var errTombstone = errors.New("it is a tombstone")

// check returns an error unless the bytes may be those of the object of that name, as far as
// that can be seen without a key: an *object.DamageError, or errTombstone.
func (c *content) check(name string) error {
	kind, _ := object.KindOf(name)
	switch {
	case isHashNamed(name):
		hash, ok := nameHash(name)
		if ok && hash == c.hash {
			return nil
		}
		if kind == object.Snapshots && c.isTombstone() {
			return errTombstone
		}
		return &object.DamageError{Object: name, Err: object.ErrHash}
	case kind == object.Epochs && !c.isEpoch():
		return &object.DamageError{Object: name, Err: object.ErrHash}
	}
	return nil
}

// isTombstone reports whether the header is that of a tombstone.
func (c *content) isTombstone() bool {
	h, err := seal.ParseHeader(c.front)
	return err == nil && h.Kind() == seal.Tombstone
}

func (c *content) isEpoch() bool {
	return c.size == epochSize && bytes.Equal(c.front, keys.WithSum(c.front[:seal.KeySize]))
}

// copyObject copies an object from one target to another and returns its size. If replace is
// set it replaces the object that is there. Bytes that aren't those of an object with that
// name are not copied.
//
// While an object is replaced it is missing for a moment, and after a crash it stays so: it
// was damaged, and the next replication copies it.
func copyObject(ctx context.Context, from, to *object.Store, name string, b *pack.Buffer, replace bool) (size int64, err error) {
	spool, err := to.Spool(ctx, b)
	if err != nil {
		return 0, err
	}
	defer func() { err = object.Join(err, spool.Discard()) }()
	c, err := readContent(ctx, from, name, io.NewOffsetWriter(spool, 0))
	if err == nil {
		err = c.check(name)
	}
	if err != nil {
		return 0, err
	}
	if replace {
		if err := to.Remove(ctx, name); err != nil {
			return 0, fmt.Errorf("replace it: %w", err)
		}
	}
	err = spool.Commit(ctx, name, c.size)
	if errors.Is(err, fs.ErrExist) { // stored by another run, or by this one although it failed
		there, e := readContent(ctx, to, name, io.Discard)
		if e != nil {
			return 0, e
		}
		if err = nil; there.hash != c.hash {
			err = errors.New("the target holds other bytes under this name")
		}
	}
	return c.size, err
}
