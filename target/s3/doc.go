// Package s3 stores a repository's objects in a bucket of Amazon S3, or of any store with
// the same protocol.
//
//	t, err := s3.Open(ctx, s3.Options{Bucket: "backup", Prefix: "web1", Region: "eu-central-1"})
//
// An object's key is the prefix, a slash and the object's name. The store must be
// consistent: a reader sees what was put and listed before (Amazon's is since December
// 2020).
//
// # Create-only puts
//
// Put never replaces an object. That lets any number of hosts write to one repository
// without a lock server. The store ensures it: qsnap sends "If-None-Match: *", and the
// store answers 412 to all requests but the first. Amazon S3, MinIO and Cloudflare R2
// document that they do, and versitygw is tested to; some stores refuse the header (501)
// and some ignore it. Therefore a target tests the store before its first Put: it puts an
// object of its own, <prefix>/.probe, twice, and the first time in a race with itself.
// That object stays, so that later runs need a single request. It is not part of the
// repository: List doesn't show it.
//
// If the store doesn't support this, Put checks that the object is absent and then puts
// it. That isn't atomic: if two clients put one name at the same time, both may succeed,
// and the bytes of the later one stay. That does no harm to objects that are named by the
// hash of their bytes, but it breaks the protocol that lets prune run beside snapshots.
// CreateOnly tells callers, who then must not rely on it.
//
// A Put whose answer was lost looks for its object before it fails: each Put has a random
// "qsnap-put" in the object's metadata. So, if the store keeps metadata, a Put that has
// itself made the object never returns fs.ErrExist, except when the caller repeats it
// after an error.
//
// # Large objects
//
// An object larger than four parts (64 MiB) is sent in parts, four at a time, read
// straight from the body. A failed upload is aborted. What a crash leaves can't be
// distinguished from the upload of another host, is not listed and is paid for: a
// lifecycle rule of the bucket should abort incomplete uploads after some days
// (AbortIncompleteMultipartUpload). If the store supports create-only only for single
// requests, an object of up to 5 GiB is put by one request.
//
// # Deleting, versions and object lock
//
// In a bucket that keeps versions, Delete leaves a delete marker that hides the object:
// removing the marker restores the object, and only a lifecycle rule
// (NoncurrentVersionExpiration) frees its space. Options.DeleteVersions removes the
// version itself, for good and at once. Behind a marker, some stores (versitygw 1.8)
// never create an object of that name again; a repository uses no name twice.
//
// Options.ObjectLock protects what a repository can't be read without (packs, manifests,
// key slots, epochs and config) from being deleted for good until that time has passed
// since its Put: in "governance" mode from everyone without s3:BypassGovernanceRetention,
// in "compliance" mode from everyone, including the account's owner. The bucket must be
// made with object lock. A Target is a target.Locker: package repo calls Lock for the old
// packs that a new snapshot relies on. RetainUntil, the time up to which everything is
// locked, is a whole quarter of the period, so that this takes requests for old packs
// four times in a period and not in each run. All writers of snapshots must be given the
// option, because it is stored nowhere. Index deltas aren't locked, because packs repeat
// their contents, nor is what only running processes need.
//
// S3 lets a client that may delete hide a locked object behind a marker, and a client
// that may put replace it by a newer version: then all its bytes exist, but a reader
// without the version's id doesn't find them. Delete itself checks first and refuses,
// with a LockedError that has the time. Hidden and RestoreHidden, or the store's console,
// find and restore what others have hidden. So give hosts credentials that can't bypass
// governance, delete versions or change the bucket's settings, and keep an exported key
// elsewhere.
//
// # Integrity
//
// Every body is sent with its SHA-256 as part of the request's signature, which stores
// check before they acknowledge. Options.Checksum adds Content-MD5 or a CRC-32C that the
// store keeps. The length of every answer is checked; readers that know the hash in an
// object's name check the content.
//
// # Permissions
//
// On the bucket: s3:ListBucket, without which absent objects can't be distinguished from
// forbidden ones, and s3:GetBucketLocation if no region is given. Below the prefix:
// s3:GetObject, s3:PutObject, s3:DeleteObject, and s3:AbortMultipartUpload. With object
// lock also s3:GetObjectRetention, without which Delete doesn't see locks,
// s3:PutObjectRetention and s3:GetBucketObjectLockConfiguration, and
// s3:ListBucketVersions to find hidden objects; to delete versions and markers,
// s3:DeleteObjectVersion. Requests are always signed: there is no anonymous access.
package s3
