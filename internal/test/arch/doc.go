// Package arch holds the architecture of the module as a test: which package may
// import which, and what package repo brings along.
//
//	L5  cmd/qsnap          wires everything, and exits
//	L4  internal/archive   and the like, such as internal/mount: built on repo,
//	                       never below it
//	    repo/report        the shapes of what --json prints: data only
//	    repo/connect       opens repositories by location; alone imports back ends
//	L3  repo               the API
//	    internal/replica   replicas: replicating, comparing, healing, promoting
//	    internal/repair    makes a damaged repository whole
//	    internal/transfer  copies snapshots to other repositories
//	    internal/check     finds damage
//	    internal/take  internal/restore  internal/view
//	    internal/retain  internal/usage
//	    internal/prune     deletes what no snapshot needs
//	    internal/write     stores packs, publishes snapshots
//	    internal/outcome  internal/engine
//	    internal/catalog   manifests, marks, losses
//	    internal/blob      the index and segments, read
//	    internal/runs      leases and quarantine
//	    internal/keys  internal/config
//	    internal/object    names of objects; alone puts and deletes on a target
//	    internal/capture   source → trees and chunks
//	    internal/extract   trees and chunks → destination
//	    internal/source    what a snapshot is taken of: paths, an fs.FS, a stream
//	    internal/protect   what a restore that deletes must leave alone
//	    internal/samename  which names a directory treats as the same
//	L2  snapshot/retention which snapshots a policy keeps
//	    internal/disk      files as snapshots have them
//	    internal/place     where in the file system the tree of a snapshot lies
//	    snapshot  index    trees and manifests; where blobs lie
//	L1  pack               what blobs are stored in
//	L0  chunk  target  internal/seal  internal/ignore  internal/keyring
//	    internal/trust  internal/term  internal/cache  internal/ctxmutex
//
// Imports point down only. Formats never import target; targets never import
// formats. Only internal/object puts and deletes objects on a target. What only tests or
// measures lives below internal/test, and only tests import it.
//
// It also holds rules for the source: every package says in a sentence what it is, time and
// randomness come in by value, errors are asked for by type, no package or file is so long
// that it must be about two things, and package repo passes on what it is asked: it has no
// logic, a small face, and types of its own. Each rule has a test that shows that a breach
// is found.
package arch
