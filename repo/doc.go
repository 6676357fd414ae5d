// Package repo keeps snapshots of directory trees in a repository: deduplicated, compressed
// and encrypted, on any target.
//
//	t, err := local.Create("/backup/app")
//	r, err := repo.Init(ctx, t, repo.Passphrase(secret), repo.InitOptions{})
//	m, err := r.Snapshot(ctx, repo.Paths("/srv/app"), repo.SnapshotOptions{})
//	_, err = r.Restore(ctx, m, repo.RestoreOptions{To: "/srv/app.new"})
//
//	open          Init, Open, Probe; package repo/connect opens a location by its URL
//	take          Repo.Snapshot of Paths, FromFS or a Stream
//	choose        Repo.Snapshots, Latest, Find, Get
//	read          Repo.View (entries, files, an fs.FS), Diff, Restore
//	let go        Repo.Retain by a policy, Forget; Prune frees the space
//	verify        Repo.Check, Stats
//	elsewhere     Repo.Copy to a repository, Replicate to a replica; Compare, Promote
//	tags, pins    Repo.Catalog, which also brings back what was forgotten
//	keys          Repo.Keys
//	repair        Repo.Maintenance
//
// A Repo is safe for concurrent use, and so is a repository, by any number of processes and
// hosts: none waits for another. A call ends soon after its context is cancelled. That, a
// process that dies, or a power failure leaves a repository that is whole.
//
// A report is a value, and says what was done so far also when there is an error. What can't
// be read, or isn't what its name says, is an error that matches ErrDamaged, and nothing
// that depends on it is ever returned wrong. Reading takes a *snapshot.Manifest, changing
// an exact id. Sizes are bytes. An option that is left out has the default that its comment
// names; where zero is a choice of its own, the option is a pointer.
//
// # Compatibility
//
// A repository can be read and written by every later version. The names and signatures of
// repo, repo/connect, repo/report, snapshot and target stay within a major version. Structs
// gain fields and enumerations gain values, so write keyed literals and expect values that
// are not known. Packages chunk, pack and index specify formats; their Go API may change.
// Package internal/object has the layout of a repository, and the packages of its objects
// have their formats and protocols.
package repo
