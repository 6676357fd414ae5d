// Package snapshot defines what a snapshot is: trees of directories, and the
// manifests that name their roots.
//
// A program that uses package repo meets Manifest, Entry, Change, ID, Kind and Note. The
// other names read and write the formats that follow.
//
// # Trees
//
// A directory is a sequence of entries in the order of their names, which are
// bytes, cut into pages. A page is a blob of its own, stored in a tree pack and
// named by its id; a directory is named by the id of its root page. Pages are
// CBOR (RFC 8949) in core deterministic encoding: a map whose keys are small
// integers. A leaf stores the entries by columns, because similar values compress well next
// to each other:
//
//	 2  names            array of byte strings
//	 5  types            byte string: 0 file, 1 directory, 2 symlink, 3 FIFO,
//	                     4 character device, 5 block device, 6 socket
//	 6  modes            array of uints: as of chmod(2), 07777
//	 7  uids             array of uints
//	 8  gids             array of uints
//	 9  user names       map of uid to byte string
//	10  group names      map of gid to byte string
//	11  mtimes           array of ints: seconds, each minus the one before
//	12  mtimes           byte string: nanoseconds, 4 bytes big-endian each
//	13  ctimes           array of ints: seconds, each minus the entry's mtime
//	14  ctimes           byte string: nanoseconds, 4 bytes big-endian each
//	15  inodes           array of ints: each minus the one before, modulo 2⁶⁴
//	16  problems         map of entry number to text: why there is no content
//	17  sizes            array of uints, of files
//	18  holes            map of entry number to array of uints: the bytes from the
//	                     end of the hole before, the length, and so on
//	19  content lists    map of entry number to byte string, of files whose chunks
//	                     are in a content list
//	20  chunk counts     array of uints, of files
//	21  chunk lengths    array of uints: of each file's chunks but its last
//	22  chunk ids        byte string, 32 bytes each
//	23  subtrees         byte string, 32 bytes for each directory with no problem
//	24  symlink targets  array of byte strings
//	25  device numbers   array of uints: major and minor of each device
//	26  hard links       map of entry number to array: links, device
//	27  xattrs           map of entry number to array of byte strings: name, value,
//	                     in the order of their names
//
// Keys 9, 10 and all from 16 are left out if they would be empty. The chunks
// of a file hold its bytes without the holes. An inner page describes the pages below it:
//
//	1  level            uint, from 1: how far above the leaves
//	2  last names       array of byte strings
//	3  pages            byte string, 32 bytes each
//	4  counts           array of uints: entries beneath
//
// A page ends after a name whose hash says so. Let h be the 64-bit FNV-1a hash
// of the name; h becomes (h XOR h>>32) × 0x9E3779B97F4A7C15 modulo 2⁶⁴. A leaf
// ends where the highest 5 bits of h are zero, if it has at least 16 entries, or
// in any case with 2,048 entries or about 256 KiB; an inner page of level n where
// the 6 bits below the highest 5+6(n−1) are, with the same bounds. The last page
// of each level ends with the directory, and the lowest level with a single page
// is the root. So a change of one entry among a million rewrites a few kilobytes.
//
// # Content lists
//
// A file of more than 64 chunks names a content list, which is cut into pages in a similar way:
//
//	1  level            uint, absent if the ids are those of chunks
//	2  ids              byte string, 32 bytes each
//	3  lengths          array of uints: bytes of content
//
// A page of level n ends after an id where the 6 bits above the lowest 6n of its
// last 8 bytes, big-endian, are zero, if it has at least 32 ids, or in any case with 2,048.
//
// # Manifests
//
// A manifest is CBOR, too, sealed as an object of kind 'S' in one piece:
//
//	 1  start            array: seconds since 1970, nanoseconds, zone's offset
//	 2  end              likewise
//	 3  host name        byte string
//	 4  user name        byte string
//	 5  paths            array of byte strings
//	 6  layout           uint: see Layout
//	 7  tags             array of byte strings
//	 8  program          text
//	 9  root             byte string: a leaf of one entry, a directory named "root"
//	10  parent           byte string: snapshot that unchanged files were taken from
//	11  previous         byte string: the newest earlier snapshot of the source
//	12  number           uint: one more than the previous one's
//	13  statistics       array of uints, in the order of the fields of Stats; Verified and
//	                     Healed are left out if they and what follows are 0
//	14  skipped          array: total, array of arrays of path and reason
//	15  problems         likewise
//	16  excludes         array of byte strings: the rules as given
//	17  original         byte string: snapshot that this one was made from
//	18  kind             text: see Kind
//	19  rules            map: what the snapshot leaves out
//	                       1 patterns          array of arrays of source and text
//	                       2 ignore files      array of byte strings: their names
//	                       3 one file system   true
//	                       4 skip caches       true
//	                       5 max file size     uint: bytes
//	20  notes            byte string: the root page of the tree of notes
//	21  missing          array of arrays of path and reason: sources that were not taken
//	22  unread           array of uints: files, directories, and directories that the
//	                     parent had read
//	23  settled          array, for each file system: see Settled
//	24  level            text: see Level
//	25  profile          text: name of the profile that was run
//	26  slot             like start: when the run was due
//	27  installation     byte string: 16 bytes
//	28  settings         byte string: the profile as YAML, without secrets
//
// Keys 7, 10, 11 and all from 16 are left out if they would be empty, and so are the keys
// of a map of rules. A manifest without key 19 was written by a version before 0.2.
//
// # Notes
//
// What rules can't repeat about single paths is kept in a tree of notes: mount points,
// caches, files that were too large, unreadable files. It consists of the same pages as
// other trees, so notes that stay the same from one snapshot to the next are stored once.
// It has a directory for each directory that has a note, or below which something has a
// note. The notes of a path are the extended attributes of its entry: a name is a
// NoteKind, and a value a text for people. All entries are directories, with no other
// attributes.
package snapshot
