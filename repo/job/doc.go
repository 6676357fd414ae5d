// Package job runs profiles: what is saved, when, for how long, and what happens before and
// after. It is for programs that do what the commands run, queue, history and their like do.
//
// A run is a sequence of steps:
//
//	before        hooks
//	snapshot      the version, at the level that the schedule or the caller wants
//	after         hooks; owed from the moment at which the first hook before it began
//	retention     only if the version is good and no hook before it has failed
//	prune         if retention has forgotten something, within its time budget
//	verification  the day's slice of the data, once a day
//	replicas, copies
//	on-success or on-failure: hooks; and pings
//
// A step that fails doesn't keep the later ones from running, unless they need what it does.
// The outcome of the run is the worst of its steps.
//
// What must stay true:
//
//   - One profile has one run at a time on one host, whoever starts it.
//   - What is run for a slot is done once: a slot is done when a run has made a version for
//     it, whose record says so.
//   - A run that ends in any way leaves a whole repository. If it was killed, the next run
//     records that, and pays what the killed one owed.
//   - A run makes no repository. A disk that isn't mounted is an error, not a new beginning.
package job
