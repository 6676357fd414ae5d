// Package sim simulates processes that use one repository at the same time, and checks
// after every step that no published snapshot has lost anything.
//
//	stage      a repository on a target in memory, as every run finds it
//	  │
//	program    the stage, and the actors that use it at the same time:
//	  │        an actor is a process; its role is what it does, its footprint
//	  │        is what it may change
//	world      one run of a program, in a bubble where time is simulated:
//	  ▲  │     every operation on the target waits until it is let happen
//	  │  ▼
//	move  auditor   after every move, the auditor reads the objects themselves
//	  │             and checks that every published manifest is whole
//	driver     chooses the next move:
//	             explorer  makes every run that differs in anything that matters
//	             random    draws moves and faults from a seed
//	             story     makes one given run, chapter by chapter
//
// A move is what can happen next: an operation of an actor, with or without a fault, the
// death or the restart of an actor, time that passes, a clock that jumps. A run that has
// ended is checked once more: one undisturbed prune then wins back all dead space, and
// every snapshot reads as its tree (see finale).
//
// An actor is interrupted where another one is let go on though it could itself. The
// explorer counts interruptions to bound the number of runs.
//
// Nothing in a run depends on chance or on the machine, so a run can be repeated. A test
// that fails prints the moves of the run, and a random one its seed. What an operation may
// do to a target (fail, hang, tear) is package targettest's.
//
//	QSNAP_WALKS=whole            makes all runs, and not a part of them
//	QSNAP_SIM_INTERRUPTIONS=3    explores with so many interruptions, or all
//	QSNAP_SIM_RUNS=1000          makes so many random runs
//	QSNAP_SIM_SEED=17            makes one random run, as it was reported
package sim
