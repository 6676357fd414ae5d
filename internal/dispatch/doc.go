// Package dispatch decides which run of which profile starts when: it holds the queue of a
// host's service.
//
// A profile is due at each slot of its schedule, plus its jitter. What stays true:
//
//   - A slot whose run made a version is not run again. The history of runs decides that,
//     through [Runner.Done], not what a dispatcher remembers. So a service that is killed at
//     any moment, or that has a cron line beside it, loses and doubles nothing.
//   - However many slots were missed, only the newest is caught up, once.
//   - A profile has one run at a time, and at most one scheduled run in the queue.
//   - A request by hand is kept, also over a crash, until its run has ended.
//   - A clock that is set, and a machine that sleeps, are noticed within half a minute: slots
//     are on the wall clock, waiting times on the monotonic one.
//
// Runs go on when their profile is changed or removed.
package dispatch
