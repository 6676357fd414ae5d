// Package governor keeps what a run takes of the machine within a budget of processor time
// and of disk bandwidth.
//
// It is a closed loop: what the process and its children have used is measured, garbage
// collection and background goroutines included. What was used beyond the budget is paid for
// by waiting. A Governor is the Pacer of a repository: work asks it before each part, and
// waits while there is debt.
//
// What must stay true:
//
//   - In the mode Always, the mean over any 10 seconds is at most the budget, apart from what
//     one part of the work takes. The loop aims a little lower, because it notices what was
//     used a few milliseconds late.
//   - In the mode Yield, the run uses what is idle, and gives way within a second when others
//     need it. It never stops altogether, since its lease has to be renewed.
//   - Per cents are of the smallest of the processors, the cpuset and the quota of the control
//     group. Bytes are those that really moved to and from disks: reading what the system has
//     in memory is free. A disk that seeks moves few bytes, so in the mode Always it doesn't
//     work for the run for a larger part of the time, either.
//   - Runs of one host share one budget. See Share.
//   - Nothing here changes the process, except Lower, which only programs of qsnap call.
//   - What can't be measured is not limited, and the report says so.
package governor
