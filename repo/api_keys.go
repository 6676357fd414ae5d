package repo

import "context"

// Keys returns the repository's key slots.
func (r *Repo) Keys(ctx context.Context) ([]Key, error) {
	return listKeys(ctx, r.e)
}

// AddKey adds a slot that opens with the secret, which may not be a recovery sheet.
func (r *Repo) AddKey(ctx context.Context, secret Secret, label string) (Key, error) {
	return addKey(ctx, r.e, secret, label)
}

// RemoveKey removes the slot whose id begins so. The last one can't be removed,
// nor the one this Repo was opened with.
func (r *Repo) RemoveKey(ctx context.Context, prefix string) error {
	return removeKey(ctx, r.e, prefix)
}

// ReplaceKey adds a slot for the secret and removes the one this Repo was opened
// with, in this order.
func (r *Repo) ReplaceKey(ctx context.Context, secret Secret) error {
	return replaceKey(ctx, r.e, secret)
}

// RotateKey makes a new key. Everyone who opens the repository from now on seals with it,
// and it is independent of the keys before. The secret wraps it, and has to be a
// passphrase or a key file. The new slot replaces the one that this Repo was opened with
// and all others that open with the same secret. RotateKey returns the slots that are
// left, which open only what was sealed until now: remove them, or replace them by AddKey.
// Print recovery sheets again, too. This Repo itself, and others that are open, keep their
// key: to change anything from now on, open the repository again.
//
// Prune seals packs and index deltas again that are sealed with older keys, as far as its
// options let it. Rotation takes back nothing that the owner of an older key has copied,
// nor does it hide the manifests that were there from an older key: they keep it until
// they are forgotten. The keys that ids are made with stay the same.
//
// Opened with an older key, the repository shows what is sealed with it; everything else,
// and every change, is ErrNewerKey. An interrupted rotation leaves a repository that the
// secret opens as before; the next rotation completes it.
func (r *Repo) RotateKey(ctx context.Context, secret Secret) (left []Key, err error) {
	return rotateKey(ctx, r.e, secret)
}

// RecoverySheet returns the lines that open the repository with no key slot at
// all, to be printed and kept away from it. Whoever has them can read everything.
func (r *Repo) RecoverySheet() (string, error) {
	return recoverySheet(r.e)
}
