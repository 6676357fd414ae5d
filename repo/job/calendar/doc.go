// Package calendar tells when a schedule is due, and at which level.
//
// A [Schedule] is a sequence of slots: the times at which a run is due. It is computed from
// its text alone, so that cron, a timer and the service on one host agree on the slot that a
// run is for. There are two kinds. [Every] has a slot at each multiple of a duration since
// 1970 in UTC. [Cron] has slots by the wall clock of a time zone.
//
// # Cron expressions
//
// An expression has the five fields of crontab(5): minute, hour, day of month, month, day of
// week. A field is a list of numbers, ranges (1-5), ranges with a step (8-18/2), "*" or "*"
// with a step. Months and days of the week may be written as names of three letters; Sunday
// is 0 and 7. If neither of the two day fields begins with "*", a day matches if one of them
// matches it; else both must match. @hourly, @daily, @midnight, @weekly, @monthly, @yearly
// and @annually are accepted. There is no field for seconds.
//
// An expression is refused if it can never be due (31 February), and if "*" has a step that
// doesn't divide its field into equal parts: "*/45" in the minutes would be due after 45
// and after 15 minutes by turns. Who means that writes the list or the range.
//
// # Changes of the clock
//
// Slots are searched in real time and matched in the time zone. Where the clock of the zone
// is put forward or back by less than three hours, as daylight saving time does, the rule is
// that of Debian's cron(8):
//
//   - An expression whose minute or hour begins with "*" follows the clock: it is due
//     whenever the clock shows a time that matches. "0 * * * *" is due once in each real
//     hour, also in the hour that the clock shows twice.
//   - Any other expression is at fixed times. What falls into the hour that the clock skips
//     is due once, right after it. What falls into the hour that the clock shows twice is
//     due the first time only.
//
// After a larger change, each expression follows the clock. A slot carries its offset from
// UTC, so that two slots with the same time on the clock differ.
//
// # What must stay true
//
// Next is after its argument, Slot is not, and no slot lies between a slot and its Next.
// A schedule with the same text and zone has the same slots on all hosts whose time zone
// data agree. Nothing here reads the clock.
package calendar
