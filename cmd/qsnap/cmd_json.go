package main

import "github.com/urfave/cli/v2"

// jsonHelp documents what --json prints: "qsnap help json" shows it.
const jsonHelp = `With --json every command prints JSON to standard output, and errors as objects to
standard error: {"message_type":"exit_error","code":…,"kind":…,"message":…}, the last of
which tells how the command ended. code is the exit code, and kind its word: failed 1,
usage 2, partial 3, behind 4, unreachable 5, running 6, damage 7, overdue 8, needs-yes 9,
no-repository 10, incomplete 11, wrong-secret 12, interrupted 130. Names are restic's
where it has the same thing. Fields may be added, none will change. Times are as of
RFC 3339, sizes in bytes. A path that is not UTF-8 comes with its bytes in
path_base64. With --traffic the last line of standard error, for each target, is
{"message_type":"traffic","target":…,"requests":…,"retries":…,"errors":…,"puts":…,
"gets":…,"stats":…,"lists":…,"deletes":…,"names_listed":…,"bytes_sent":…,
"bytes_fetched":…}. Where there are several sources, standard error says of which "latest"
or --at is: {"message_type":"latest","snapshot_id":…,"hostname":…,"paths":…,"time":…,
"sources":…}.

One value:
  snapshots, tag, pin, undelete without arguments
                 array of {id, short_id, time, hostname, username, paths, tags, tree,
                 parent, previous, number, original, pinned, pinned_until,
                 program_version, excludes, summary, kind (where it is no source
                 version), good, missing: array of paths}; time is when it ended
  forget         array of {host, paths, tags, keep, remove, dry_run}; keep and remove
                 are arrays of {id, short_id, time, reasons, doubt}; of named ones
                 forgotten: {snapshots}
  find           array of {snapshot, hits, matches: array of nodes}
  key list       array of {current, id, userName, hostName, created, kind, label,
                 outdated}
  stats          {snapshots_count, total_size, total_file_count, total_blob_count,
                 total_uncompressed_size, compression_ratio, packs, pack_bytes,
                 index_bytes, snapshot_bytes, stored_bytes}; of a snapshot
                 {snapshots_count, total_size, total_file_count, files, dirs, others};
                 with --growth array of {id, short_id, time, hostname, paths,
                 files_new, files_changed, new, total, only}, the last three
                 {chunks, chunk_bytes, trees, tree_bytes, stored_bytes}
  key rotate     {message_type, left: array as of key list, removed}
  target check   {message_type, target, ok, checks: array of {name, ok, error},
                 create_only,
                 request_seconds, upload_bytes_per_second,
                 download_bytes_per_second, free_bytes, total_bytes (0 where that is
                 not known), seconds_elapsed}
  target unhide  {message_type, dry_run, objects: array of names}
  init, version, key add, key remove, key passwd, key export
                 one object with a message_type

An object a line, each with a message_type:
  snapshot       status: {seconds_elapsed, files_done, bytes_done, total_files,
                 total_bytes, percent_done, current_files}, now and then;
                 error: {error: {message}, during, item};
                 summary: {snapshot_id, files_new, files_changed, files_unmodified,
                 dirs_new, dirs_changed, dirs_unmodified, data_blobs, tree_blobs,
                 data_added, data_added_packed, total_files_processed,
                 total_bytes_processed, bytes_read, total_duration, skipped, errors,
                 backup_start, backup_end, time (the end), hostname, paths, good,
                 missing: array of paths, unmatched_excludes: array of patterns
                 that met nothing, dry_run}; notice: {message, item}; with --dry-run no
                 snapshot_id, but requests, bytes_to_send, bytes_to_fetch
  ls             snapshot: as above; then node: {name, type, path, uid, gid, user,
                 group, size, mode, permissions, mtime, ctime, inode, linktarget,
                 error}
  diff           change: {path, modifier}; statistics: {changed_files, added,
                 removed, changed_attributes, source_snapshot, target_snapshot};
                 with --stat, a change of content has {before_bytes, after_bytes,
                 added_bytes, removed_bytes} too, the first two of files only, and
                 statistics the last two; before it directory: {path, paths,
                 added_bytes, removed_bytes}, for each on top and "/" for the rest
  restore        status and error as above; verbose_status: {action, item, size};
                 notice: {message, item}, where a dry run can't tell if names meet;
                 summary: {snapshot_id, hostname, paths, time, dry_run, total_files, total_bytes,
                 files_created, files_replaced, files_restored, attributes_restored,
                 files_deleted, bytes_restored, packs_read, pack_bytes_read, errors,
                 requests (for what is read of packs, beside trees), seconds_elapsed}
  mount          mounted: {mountpoint, snapshots}, as soon as it can be used;
                 error: {error: {message}, during}
  copy           twin: {repository, id}, if it was made just now; status:
                 {seconds_elapsed, snapshots_done, total_snapshots, bytes_read,
                 bytes_stored}, now and then; copied: {original, snapshot_id}; error:
                 {error: {message}, during, item}; summary: {snapshots_copied,
                 snapshots_skipped, snapshots_failed, packs_moved, bytes_moved,
                 blobs_repacked, blob_bytes_repacked, bytes_read, bytes_stored,
                 seconds_elapsed}
  replicate      replicated: {replica, complete, snapshots, packs, objects, bytes,
                 snapshots_removed, packs_removed, objects_removed, bytes_removed,
                 damaged, unexplained: array of ids, seconds_elapsed}; snapshot, forget
                 and prune print it, too, for each replica
  promote        promoted: {repository}
  heal           healed: {replica, differences, packs, blobs, deltas, snapshots,
                 objects, replica_objects, replica_bytes, unexplained, lost}
  check          with --replica, difference: {replica, object, here, there} and
                 compared: {replica, objects, bytes, bytes_read, differences};
                 error or note: {kind, object, message, files, total_files, next};
                 summary: {num_errors, snapshots, trees, packs, pack_bytes,
                 bytes_read, seconds_elapsed}
  prune          summary: {dry_run, snapshots, packs, pack_bytes, packs_removed,
                 bytes_removed, packs_repacked, bytes_repacked, bytes_unused,
                 packs_waiting, bytes_waiting, waiting_for: array of {what, hostname,
                 username, begun, dead_by}, packs_locked, bytes_locked, locked_first,
                 locked_last, stale_pending, left, seconds_elapsed}; with --dry-run
                 about how many requests, bytes_to_send and bytes_to_fetch it takes
  undelete       undeleted: {snapshot_id, original}
  rewrite        rewritten: {snapshot_id, rewritten_id, dropped, dry_run}
  repair index   summary: {packs, deltas_replaced, packs_damaged, blobs_lost}
  repair packs   summary: {packs_damaged, blobs_salvaged, blobs_lost}
  repair snapshots
                 lost: {snapshot_id, path, dir, error: {message}}; repaired:
                 {snapshot_id, repaired_id, lost, error}

cat, dump and completion print what they always do.`

// jsonCommand is only there to be asked for help.
func (p *program) jsonCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "json", Usage: "what --json prints", Description: jsonHelp, Hidden: true,
		CustomHelpTemplate: "{{.Description}}\n",
		Action:             func(c *cli.Context) error { return cli.ShowCommandHelp(c, "json") },
	})
}
