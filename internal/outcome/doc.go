// Package outcome has the errors and the progress that long calls report: which paths and
// sources are missing, which damage was found, and how much is done. Such a call goes on
// after a path fails, and returns the error at its end.
package outcome
