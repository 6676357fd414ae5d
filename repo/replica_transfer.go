package repo

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

// A content is what a look at an object's bytes has told, without a key.
type content struct {
	hash  [32]byte
	size  int64
	front []byte // the first bytes
}

// contentFront is how many bytes of an object are kept: all of an epoch's, and the
// header of what is sealed.
const contentFront = max(seal.HeaderSize, seal.KeySize+16+1)

// Write is io.Writer, for the bytes one after another.
func (c *contentWriter) Write(p []byte) (int, error) {
	if room := contentFront - len(c.front); room > 0 {
		c.front = append(c.front, p[:min(room, len(p))]...)
	}
	c.size += int64(len(p))
	return c.h.Write(p)
}

type contentWriter struct {
	content
	h *blake3.Hasher
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

// verdict returns an error unless the bytes are those of an object with that name, as
// far as they tell it without a key: a *DamageError, or errTombstone.
func (c *content) verdict(name string) error {
	kind, _ := object.KindOf(name)
	switch {
	case isHashNamed(name):
		hash, ok := nameHash(name)
		if ok && hash == c.hash {
			return nil
		}
		if kind == object.Snapshots && isTombstoneHeader(c.front) {
			return errTombstone
		}
		return &DamageError{Object: name, Err: object.ErrHash}
	case kind == object.Epochs && (c.size != seal.KeySize+16 || !bytes.Equal(c.front, keys.WithSum(c.front[:seal.KeySize]))):
		return &DamageError{Object: name, Err: object.ErrHash}
	}
	return nil
}

// transfer copies an object from one target to another, in place of what is there if
// replace is set, and returns its size. What isn't what its name says is not copied.
//
// What is replaced is missing for a moment, and stays so after a crash: it was
// damaged, and the next replication copies it.
func transfer(ctx context.Context, from, to *object.Store, name string, b *pack.Buffer, replace bool) (size int64, err error) {
	spool, err := to.Spool(ctx, b)
	if err != nil {
		return 0, err
	}
	defer func() { err = object.Join(err, spool.Discard()) }()
	c, err := readContent(ctx, from, name, io.NewOffsetWriter(spool, 0))
	if err == nil {
		err = c.verdict(name)
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
	if errors.Is(err, fs.ErrExist) { // another was quicker, or it was done and reported as failed
		there, e := readContent(ctx, to, name, io.Discard)
		if e != nil {
			return 0, e
		}
		if err = nil; there.hash != c.hash {
			err = fmt.Errorf("the replica holds other bytes under this name")
		}
	}
	return c.size, err
}
