package report

import "github.com/qsnap/qsnap/repo"

// A Form is one form of what commands print with --json.
type Form struct {
	Commands []string // such as "key list"; none if every command may print it
	Type     string   // its message_type; empty if it has none
	When     string   // when it is printed, or what it is of
	List     bool     // it is the one value that is printed: an array of these
	Value    any      // the zero value of its type
}

// Forms returns all forms, in the order in which the help shows them.
func Forms() []Form {
	on := func(commands ...string) []string { return commands }
	listed := on("snapshots", "tag", "pin", "undelete")
	replicating := on("replicate", "snapshot", "forget", "prune")
	return []Form{
		{nil, "exit_error", "the last line of standard error, unless the exit code is 0", false, ExitError{}},
		{nil, "latest", "on standard error, where \"latest\" or --at chooses among several sources", false, Latest{}},
		{nil, "traffic", "on standard error, of each target, with --traffic", false, Traffic{}},
		{on("snapshot", "run", "estimate", "restore", "copy", "forget", "mount", "history", "status"), "error", "of an item, while the command goes on", false, Error{}},
		{on("snapshot", "restore"), "notice", "of an item", false, Notice{}},

		{listed, "", "", true, Snapshot{}},
		{on("forget"), "", "by a policy", true, ForgetGroup{}},
		{on("find"), "", "", true, FoundIn{}},
		{on("key list"), "", "", true, repo.Key{}},
		{on("stats"), "", "of the repository", false, RepositoryStats{}},
		{on("stats"), "", "of a snapshot", false, SnapshotStats{}},
		{on("stats"), "", "with --growth", true, Growth{}},

		{on("version"), "version", "", false, Version{}},
		{on("run-now"), "run_requested", "", false, RunRequested{}},
		{on("queue"), "service", "", false, Service{}},
		{on("logs"), "", "a line of a run's log, which may have further members", false, LogLine{}},
		{on("init"), "initialized", "", false, Initialized{}},
		{on("snapshot"), "status", "now and then", false, SnapshotStatus{}},
		{on("snapshot"), "summary", "whose requests, bytes_to_send and bytes_to_fetch are those of a dry run", false, SnapshotSummary{}},
		{on("run"), "run_progress", "now and then", false, RunProgress{}},
		{on("run"), "run", "of each profile", false, Run{}},
		{on("estimate"), "estimate", "of each profile", false, Estimate{}},
		{on("ls"), "snapshot", "first", false, ListedSnapshot{}},
		{on("ls"), "node", "of each entry", false, Node{}},
		{on("diff"), "change", "of each path", false, Change{}},
		{on("diff"), "directory", "of each directory on top, with --stat", false, Directory{}},
		{on("diff"), "statistics", "", false, DiffStatistics{}},
		{on("restore"), "status", "now and then", false, RestoreStatus{}},
		{on("restore"), "verbose_status", "of each path, with --verbose or --dry-run", false, RestoreAction{}},
		{on("restore"), "elsewhere", "of a file that is damaged here", false, Elsewhere{}},
		{on("restore"), "leftover", "of what an interrupted restore has moved aside", false, Leftover{}},
		{on("restore"), "summary", "", false, RestoreSummary{}},
		{on("mount"), "mounted", "as soon as it can be used", false, Mounted{}},

		{on("history"), "run", "of each run", false, Run{}},
		{on("status"), "host_status", "", false, Status{}},
		{on("report"), "host_report", "", false, HostReport{}},

		{on("copy"), "twin", "if it was made just now", false, Twin{}},
		{on("copy"), "status", "now and then", false, CopyStatus{}},
		{on("copy"), "copied", "of each snapshot that is copied", false, Copied{}},
		{on("copy"), "summary", "", false, CopySummary{}},
		{replicating, "replicated", "of each replica", false, Replicated{}},
		{on("promote"), "promoted", "", false, Promoted{}},
		{on("heal"), "healed", "of each replica", false, Healed{}},

		{on("check"), "error", "of damage", false, Finding{}},
		{on("check"), "note", "of what is no damage", false, Finding{}},
		{on("check"), "summary", "", false, CheckSummary{}},
		{on("check"), "difference", "of each object that differs on a replica", false, Difference{}},
		{on("check"), "compared", "of each replica", false, Compared{}},
		{on("prune", "forget"), "summary", "of a prune, whose requests, bytes_to_send and bytes_to_fetch are those of a dry run", false, PruneSummary{}},
		{on("forget"), "forgotten", "of named snapshots", false, Forgotten{}},
		{on("undelete"), "undeleted", "of each named snapshot", false, Undeleted{}},
		{on("rewrite"), "rewritten", "of each snapshot", false, Rewritten{}},
		{on("repair index"), "summary", "", false, IndexRepaired{}},
		{on("repair packs"), "summary", "", false, PacksRepaired{}},
		{on("repair snapshots"), "lost", "of each path that is lost", false, LostPath{}},
		{on("repair snapshots"), "repaired", "of each snapshot that isn't whole", false, SnapshotRepaired{}},

		{on("key add"), "key_added", "", false, KeyAdded{}},
		{on("key remove"), "key_removed", "", false, KeyRemoved{}},
		{on("key passwd"), "key_replaced", "", false, KeyReplaced{}},
		{on("key rotate"), "key_rotated", "", false, KeyRotated{}},
		{on("key export"), "recovery_sheet", "", false, RecoverySheet{}},
		{on("schedule show"), "slot", "of each slot", false, Slot{}},
		{on("schedule show"), "shown", "of what a scheduler has, with --systemd or the like", false, Scheduled{}},
		{on("schedule install"), "installed", "of each profile", false, Scheduled{}},
		{on("schedule install"), "printed", "with --print", false, Scheduled{}},
		{on("schedule remove"), "removed", "of each profile", false, Scheduled{}},
		{on("target check"), "summary", "", false, TargetSummary{}},
		{on("target unhide"), "unhidden", "", false, Unhidden{}},

		{on("config check"), "problem", "", false, ConfigProblem{}},
		{on("config check"), "live_check", "of each check of a profile, with --live", false, LiveCheck{}},
		{on("config check"), "summary", "", false, ConfigChecked{}},
		{on("config show"), "config", "", false, ConfigShown{}},
		{on("profile list"), "", "", true, ProfileListed{}},
		{on("profile add"), "profile_added", "", false, ProfileEdited{}},
		{on("profile set"), "profile_changed", "", false, ProfileEdited{}},
		{on("profile remove"), "profile_removed", "", false, ProfileEdited{}},
		{on("profile recover"), "profile_recovered", "", false, ProfileEdited{}},
		{on("profile adopt"), "adopted", "of each snapshot that is taken over", false, Adopted{}},
	}
}
