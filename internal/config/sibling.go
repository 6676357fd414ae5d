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

// Twins and replicas are siblings: repositories with the same id on different targets. An
// object, "twin" or "replica", shows that a repository is one. Its bytes are random and
// distinguish the repository from its siblings.

// ErrReplica means that a repository is a replica and can only be read.
var ErrReplica = errors.New("it is a replica, which only replication changes: change its repository, or promote the replica")

// ReadSibling returns a text that distinguishes the repository from its siblings, or an empty
// one if the object of that name doesn't exist.
//
// The existence of the object makes the repository a twin or a replica. Its bytes only give
// each sibling a local directory of its own, so damage to them is no error.
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

// PutSibling stores the object that makes a repository a twin or replica, unless it exists.
func PutSibling(ctx context.Context, store *object.Store, name string, random io.Reader) error {
	var body [SiblingSize]byte
	if _, err := io.ReadFull(random, body[:]); err != nil {
		return err
	}
	err := store.Create(ctx, name, body[:])
	if errors.Is(err, fs.ErrExist) {
		return nil // an interrupted call stored it
	}
	return err
}

// SiblingSize is how many bytes the object of a twin or replica has.
const SiblingSize = 16
