package governor

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// lowered is what the process was before. Priorities belong to threads, and a process starts
// with those of the thread that makes it. Only root could raise them again, so one thread
// keeps its own, and starts what shall have them.
type lowered struct {
	starts chan func() // run by that thread
	core   unix.Rlimit
}

// The lowest priorities that still get something. In the idle class of I/O, and to a lesser
// degree with the policy idle, a thread may be kept waiting while others wait for what it
// holds, such as the journal of a file system.
const (
	lowestNice    = 19
	schedBatch    = 3
	ioprioProcess = 1
	ioprioLowest  = 2<<13 | 7 // best effort, the lowest level
)

func (l *Lowered) lower(Lowering) {
	l.starts = make(chan func())
	kept := make(chan int)
	go func() {
		runtime.LockOSThread() // for ever
		kept <- unix.Gettid()
		for start := range l.starts {
			start()
		}
	}()
	l.lowerThreads(<-kept)
	l.core.Cur = unix.RLIM_INFINITY
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l.core); err == nil {
		err = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 0, Max: l.core.Max})
		l.note("core dumps are not prevented", err)
	}
	l.note("other processes of this user may inspect this one", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// lowerThreads lowers the priorities of all threads but one. A thread that another one makes
// meanwhile has those of its maker, so it goes on until it finds no more.
func (l *Lowered) lowerThreads(except int) {
	for done := map[string]bool{strconv.Itoa(except): true}; ; {
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			l.note("the priority is as it was", err)
			return
		}
		found := false
		for _, e := range entries {
			if done[e.Name()] {
				continue
			}
			done[e.Name()], found = true, true
			if tid, err := strconv.Atoi(e.Name()); err == nil {
				l.lowerThread(tid)
			}
		}
		if !found {
			return
		}
	}
}

func (l *Lowered) lowerThread(tid int) {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: schedBatch, Nice: lowestNice}
	if err := unix.SchedSetAttr(tid, &attr, 0); err != nil {
		l.note("the priority of a thread is as it was", ignoreGone(unix.Setpriority(unix.PRIO_PROCESS, tid, lowestNice)))
	}
	_, _, e := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioProcess, uintptr(tid), ioprioLowest)
	if e != 0 {
		l.note("the priority of I/O is as it was", ignoreGone(e))
	}
}

// ignoreGone returns nil for the error that a thread has ended.
func ignoreGone(err error) error {
	if err == unix.ESRCH {
		return nil
	}
	return err
}

func (l *Lowered) note(what string, err error) {
	if err != nil && len(l.Remarks) < 5 {
		l.Remarks = append(l.Remarks, fmt.Sprintf("%s: %v", what, err))
	}
}

// Start starts a command as it would have been started before Lower. On nil it just starts it.
func (l *Lowered) Start(cmd *exec.Cmd) error {
	if l == nil {
		return cmd.Start()
	}
	done := make(chan error)
	l.starts <- func() { done <- cmd.Start() }
	if err := <-done; err != nil {
		return err
	}
	// If the process has ended already, nothing is lost.
	_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &l.core, nil)
	return nil
}
