// Package s3 keeps a repository's objects in a bucket of Amazon S3, or of any
// store that speaks its protocol.
//
//	t, err := s3.Open(ctx, s3.Options{Bucket: "backup", Prefix: "web1", Region: "eu-central-1"})
//
// An object's key is the prefix, a slash and the object's name. The store must be
// consistent: a reader sees what was put and listed before (Amazon's is since
// December 2020).
//
// # Creating only
//
// That Put never replaces an object is what lets any number of hosts write to
// one repository without a lock server. It is done by the store: qsnap sends
// "If-None-Match: *" and the store answers 412 to all but the first. Amazon S3,
// MinIO and Cloudflare R2 document that they do, and versitygw is tested to; some
// refuse the header (501) and some ignore it. A target therefore finds out before
// its first Put, by putting an object of its own, <prefix>/.probe, twice, and the
// first time of all by a race. That object stays, so that later runs need a single
// request, and is no part of the repository: List doesn't show it.
//
// Where the store can't, Put looks whether the object is there and then puts it.
// That isn't atomic: of two that put one name at the same time both may succeed,
// and the later one's bytes stay. Objects named by the hash of their bytes come
// to no harm by that; the protocol that lets prune run beside snapshots does.
// CreateOnly tells callers, who must then not rely on it.
//
// A Put whose answer was lost looks for what it has put before it fails: each
// carries a random "qsnap-put" in its metadata. So, where the store keeps these,
// fs.ErrExist is never the answer to a Put that has itself made the object, except
// when the caller tries again after an error.
//
// # Large objects
//
// What is larger than four parts (64 MiB) goes in parts, four at a time, read
// straight from the body. A failed upload is aborted. What a crash leaves can't
// be told from the upload of another host, is not listed and is paid for: a
// lifecycle rule of the bucket should abort incomplete uploads after some days
// (AbortIncompleteMultipartUpload). Where the store creates only by a single
// request, what is up to 5 GiB is put by one.
//
// # Deleting, versions and object lock
//
// In a bucket that keeps versions, Delete leaves a marker that hides the object:
// it can be brought back by whoever removes the marker, and its space comes back
// by a lifecycle rule (NoncurrentVersionExpiration) only. Options.DeleteVersions
// removes the version itself, for good and at once. Behind a marker, some stores
// (versitygw 1.8) never create an object of that name again; no name that a
// repository makes is used twice.
//
// With Options.ObjectLock, what a repository can't be read without (packs, manifests,
// key slots, epochs and config) can't be deleted for good before that time has passed
// since it was put: in "governance" mode not by credentials without
// s3:BypassGovernanceRetention, in "compliance" mode by nobody, the account's owner
// included, until it has passed. The bucket must be made with object lock. A Target is
// a target.Locker: package repo locks again, by Lock, the old packs that a new snapshot
// relies on. RetainUntil, up to which all is locked, is a whole quarter of the time, so that
// this takes requests for old packs four times in a period and not in each run. All who
// write snapshots have to be given the option, as it is kept nowhere. Index deltas
// aren't locked, as packs tell what they hold, nor is what only runs under way need.
//
// S3 lets who may delete hide a locked object behind a marker, and who may put replace
// it by a newer version: then all its bytes are there, and a reader without the
// version's id doesn't find them. Delete itself asks first and refuses, with a
// LockedError that has the time. What others have hidden is found and brought back by
// Hidden and Unhide, or in the store's console. So give hosts credentials that can't
// bypass governance, nor delete versions, nor change the bucket's settings, and keep an
// exported key elsewhere.
//
// # Integrity
//
// Every body is sent with its SHA-256 as part of the request's signature, which
// stores check before they acknowledge. Options.Checksum adds Content-MD5 or a
// CRC-32C that the store keeps. What is read is counted, and known by its name's
// hash to those who read it.
//
// # Permissions
//
// On the bucket: s3:ListBucket, without which absent objects can't be told from
// forbidden ones, and s3:GetBucketLocation if no region is given; on what is below
// the prefix: s3:GetObject, s3:PutObject, s3:DeleteObject, and
// s3:AbortMultipartUpload. With object lock also s3:GetObjectRetention, without
// which Delete doesn't see locks, s3:PutObjectRetention and
// s3:GetBucketObjectLockConfiguration, and s3:ListBucketVersions to find what is hidden;
// to delete versions, and markers, s3:DeleteObjectVersion.
// Requests are always signed: there is no anonymous access.
package s3
