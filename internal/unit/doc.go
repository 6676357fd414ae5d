// Package unit writes what makes another scheduler start the runs of a profile: systemd
// units, a block of a crontab, a launchd property list, a task of Windows.
//
// Each of these starts "qsnap run --scheduled", which heeds slots: it does nothing if the
// slot is done. So a scheduler has to start a run at each slot, and may start others. That is
// how schedules are written in languages that can't express them: systemd computes with
// the time of a clock, and leaves out an hour when daylight saving time ends, so its timers
// get the times of all slots in UTC; cron knows no interval of 90 minutes and no time zone but
// its own.
//
// What must stay true: for at least two years each slot is among the times at which a run is
// started. What is written depends on its input alone, can be written again, and is quoted
// for its reader, whatever the names are.
package unit
