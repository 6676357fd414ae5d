package repo

import (
	"context"

	"github.com/qsnap/qsnap/internal/extract"
	"github.com/qsnap/qsnap/internal/restore"
	"github.com/qsnap/qsnap/snapshot"
)

// An Overwrite says what a restore does with files that exist in the destination.
type Overwrite int

// The ways to overwrite. OverwriteAlways is the zero value.
const (
	OverwriteAlways    Overwrite = iota // replace what differs in content or attributes; nothing else is written
	OverwriteIfChanged                  // the same, but trust that files of the same size and modification time are the same
	OverwriteIfNewer                    // replace only what is older than the snapshot's version
	OverwriteNever                      // leave alone everything that exists
)

// RestoreOptions say what is restored, and where to.
type RestoreOptions struct {
	To        string   // a directory, which is made if it doesn't exist
	InPlace   bool     // To is where the restored directory was: it gets its attributes back, as it does when it is made
	Path      string   // in the snapshot: a directory or a file; empty means all
	Include   []string // patterns as of gitignore(5), relative to Path; empty means all
	Exclude   []string
	Overwrite Overwrite
	// Delete removes what the snapshot doesn't have, after everything else and only if
	// nothing failed. It removes only from directories that the snapshot holds whole, and
	// never what the snapshot's rules leave out, what lies on other file systems, or what is
	// in Protect. Beside a single restored file it removes nothing.
	Delete bool
	// DeleteFirst, with Delete, deletes before anything is written, for a destination that
	// can't hold both. It deletes only once everything that is needed was found to exist, and
	// if nothing else would fail. If the restore fails after that, what was deleted is gone.
	DeleteFirst bool
	Protect     []string // files and directories that are not deleted, and that To must not be or lie in, such as the repository's
	FollowLinks bool     // write through links to directories where the snapshot has directories
	DryRun      bool     // change nothing
	Verify      bool     // read back what was restored
	NoSync      bool     // return before the disk has it all
	NoOwner     bool     // don't restore users and groups, as without being root
	Workers     int      // 0 means as many as processors

	// IgnoreRoom restores even if the destination seems to have too little room for what is
	// absent there or has another size. On a file system that compresses it may be enough.
	// Otherwise such a restore ends with a *RoomError, and nothing was written.
	IgnoreRoom bool

	// Confirm is called before anything is written if something would be deleted. Its error
	// ends the restore. Nil agrees.
	Confirm func(DeletionPlan) error

	// Progress is called now and then, once for each event, and, if Actions is set, once
	// for each change, by one goroutine at a time.
	Progress func(RestoreProgress)
	Actions  bool
}

// A NamesUnknown is a notice of a dry run: it can't know whether the destination tells some
// names of the snapshot apart. Its fields are First and Second, the paths of two such names,
// and More, how many other pairs there are.
type NamesUnknown = extract.NamesUnknown

// A DeletionPlan says what a restore would delete.
type DeletionPlan struct {
	Delete int64    // entries, those in directories too
	There  int64    // entries of the destination that were looked at
	Paths  []string // some of those that would be deleted, relative to the restored directory
}

// An Action is a change that a restore makes.
type Action string

// The actions.
const (
	ActionCreate  Action = "create"
	ActionReplace Action = "replace"
	ActionTouch   Action = "touch" // attributes only
	ActionDelete  Action = "delete"
)

// PhaseRestore is the only phase of a restore.
const PhaseRestore Phase = "restore"

// RestoreProgress is how far a restore has come, and at most one event. Its Done counts
// bytes of the snapshot; its Total is how many these are, if all of it is restored.
type RestoreProgress struct {
	Progress
	Report   RestoreReport  // so far
	Whole    snapshot.Stats // of the snapshot if all of it is restored, else zero
	Finished bool           // this is the last call

	Path    string // of the event, relative to the restored directory
	Problem error  // why Path could not be restored completely, or nil
	// Elsewhere is the newest other snapshot with an intact file at Path, which could not be
	// restored from this one because of damage, or nil.
	Elsewhere *snapshot.Manifest
	Notice    error           // a remark on Path that is no problem, such as withheld privileges, or nil
	Action    Action          // what is done to Path, or empty
	Entry     *snapshot.Entry // the snapshot's entry, if there is an action
	Leftover  string          // what is at Path, which an interrupted restore has moved aside, or empty
	Spared    string          // why Path is not deleted, or empty
	Mount     string          // the mount point that a spared path lies on, if the snapshot has that
}

// A RestoreReport counts what a restore did, or would do.
type RestoreReport struct {
	Files        int64    `json:"-"` // in the snapshot, as far as they are selected
	Dirs         int64    `json:"-"` // the same
	Others       int64    `json:"-"` // the same: links, devices and the like
	Bytes        int64    `json:"total_bytes"`
	Created      int64    `json:"files_created"`
	Replaced     int64    `json:"files_replaced"`
	Touched      int64    `json:"attributes_restored"`
	Deleted      int64    `json:"files_deleted"` // all entries, those in directories too
	Spared       int64    `json:"files_spared"`  // paths that only the destination has, and that stay
	BytesWritten int64    `json:"bytes_restored"`
	Packs        int64    `json:"packs_read"`
	PackBytes    int64    `json:"pack_bytes_read"`
	Requests     int64    `json:"requests" doc:"for what is read of packs, beside trees"` // for what is read of packs, beside trees
	Problems     int64    `json:"errors"`
	Unmatched    []string `json:"unmatched"` // patterns of Include and Exclude that matched nothing

	// Withheld counts files that were restored without their set-user-ID or
	// set-group-ID bit, or their capabilities, because they do not have the owner and
	// group that the snapshot has.
	Withheld int64 `json:"privileges_withheld"`
}

// Restore writes a snapshot, or a part of it, to a directory. Of what exists there, it
// writes only what differs. If something could not be restored completely, the error is an
// *IncompleteError, and everything else was restored; it matches ErrDamaged if damage is a
// cause. Progress names each such path. Nothing outside of the directory is changed,
// whatever the snapshot holds. The report says what was done, also when there is an error.
func (r *Repo) Restore(ctx context.Context, m *snapshot.Manifest, o RestoreOptions) (RestoreReport, error) {
	report, err := restore.Run(ctx, r.e, m, o.room())
	return RestoreReport(report), err
}

// policies are the ways to overwrite as package extract names them.
var policies = map[Overwrite]extract.Policy{
	OverwriteAlways: extract.Always, OverwriteIfChanged: extract.IfChanged,
	OverwriteIfNewer: extract.IfNewer, OverwriteNever: extract.Never,
}

// room returns the options as the room takes them.
func (o *RestoreOptions) room() restore.Options {
	out := restore.Options{
		To: o.To, InPlace: o.InPlace, Path: o.Path, Include: o.Include, Exclude: o.Exclude,
		Overwrite: policies[o.Overwrite], Delete: o.Delete, DeleteFirst: o.DeleteFirst, Protect: o.Protect,
		FollowLinks: o.FollowLinks, DryRun: o.DryRun, Verify: o.Verify, NoSync: o.NoSync, NoOwner: o.NoOwner,
		Workers: o.Workers, IgnoreRoom: o.IgnoreRoom, Actions: o.Actions,
	}
	if o.Confirm != nil {
		out.Confirm = func(p extract.Plan) error {
			return o.Confirm(DeletionPlan{int64(p.Delete), int64(p.There), p.Paths})
		}
	}
	if o.Progress != nil {
		out.Progress = func(p restore.Progress) {
			o.Progress(RestoreProgress{
				progressOf(p.Progress), RestoreReport(p.Report), p.Whole, p.Finished, p.Path, p.Problem, p.Elsewhere,
				p.Notice, Action(p.Action), p.Entry, p.Leftover, p.Spared, p.Mount,
			})
		}
	}
	return out
}
