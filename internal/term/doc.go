// Package term writes what people read on a terminal or in a log: sizes, counts, durations,
// times, tables and the line that shows progress. It reads what they write of these. It
// knows neither repositories nor commands.
package term
