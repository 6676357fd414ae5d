// Package history keeps a record of each run of this host, and computes from records and
// manifests how well the runs have kept what was promised.
//
// A record is a file of the state directory (package state):
//
//	history/PROFILE/STARTED_SLOT_ID.run
//
// STARTED is when the run started, such as 20261130T140003.250Z; SLOT is the slot that it is
// for, such as 20261130T140000Z, or "-"; PROFILE and ID are written as state.FileName does.
// The file has two lines:
//
//	qsnap-run 1 CHECKSUM
//	{"message_type":"run","id":…}
//
// The checksum is the CRC-32C of the second line without its line break, as 8 hexadecimal
// digits. The second line is a report.Run. Newer versions may add members to it.
//
// What must stay true:
//
//   - A record is there in full, or not at all, whatever ends the process that writes it. On
//     a full disk it takes the space that the state directory has set aside, so a record is
//     at most 32 KiB long: what hooks printed, and then other texts, are cut to fit.
//   - A record that is damaged is named and left out. It never hides others.
//   - A profile has at most 10,000 records, and none that is older than two years, apart
//     from the newest 1,000: a clock that jumps ahead for an hour must not empty the history.
//   - A run whose record says that it ended later than now counts for no slot, because the
//     clock was set back since.
//   - Any number of processes add and read records at once. There is no index.
package history
