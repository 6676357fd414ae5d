package config

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/internal/object"
)

// ErrReplica means that a repository can only be read, as it is a replica.
var ErrReplica = errors.New("it is a replica, which only replication changes")

// ReadSibling returns what tells a repository from others with its id, as the twin or
// replica that it is, or nothing where there is no object of that name.
//
// That the object is there makes it a twin or replica. Its bytes only keep the caches of
// several apart, so where a disk can't read them all else goes on.
func ReadSibling(ctx context.Context, store *object.Store, name string) (string, error) {
	b, err := store.ReadFront(ctx, name, SiblingSize)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if object.IsDamage(err) {
		return "-unread", nil
	}
	if err != nil {
		return "", err
	}
	sum := blake3.Sum256(b)
	return "-" + hex.EncodeToString(sum[:4]), nil
}

// PutSibling stores what tells a repository from others, unless it is there.
func PutSibling(ctx context.Context, store *object.Store, name string, random io.Reader) error {
	var body [SiblingSize]byte
	if _, err := io.ReadFull(random, body[:]); err != nil {
		return err
	}
	err := store.Create(ctx, name, body[:])
	if errors.Is(err, fs.ErrExist) {
		return nil // of one that was interrupted
	}
	return err
}

const SiblingSize = 16
