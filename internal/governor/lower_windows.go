package governor

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

type lowered struct{ job windows.Handle }

// From the documentation of job objects.
const (
	jobObjectCPURateControl   = 15
	cpuRateControlEnable      = 1
	cpuRateControlHardCap     = 4
	jobObjectLimitBreakawayOK = 0x0800
	fullCPURate               = 10000
)

// A cpuRateControl is JOBOBJECT_CPU_RATE_CONTROL_INFORMATION.
type cpuRateControl struct{ flags, rate uint32 }

// lower sets the priorities of the background mode, and puts the process into a job that gets
// only a part of the processors. The background mode itself would leave the process 32 MiB of
// memory, and make it page all the time.
func (l *Lowered) lower(o Lowering) {
	if err := windows.SetPriorityClass(windows.CurrentProcess(), windows.IDLE_PRIORITY_CLASS); err != nil {
		l.Remarks = append(l.Remarks, fmt.Sprintf("the priority is as it was: %v", err))
	}
	lowest := uint32(0) // IoPriorityVeryLow
	err := windows.NtSetInformationProcess(windows.CurrentProcess(), windows.ProcessIoPriority, unsafe.Pointer(&lowest), uint32(unsafe.Sizeof(lowest)))
	if err != nil {
		l.Remarks = append(l.Remarks, fmt.Sprintf("the priority of I/O is as it was: %v", err))
	}
	if o.CPU <= 0 || o.CPU >= 1 {
		return
	}
	if err := l.limitCPU(o.CPU); err != nil {
		l.Remarks = append(l.Remarks, fmt.Sprintf("Windows does not limit the processor time: %v", err))
	}
}

func (l *Lowered) limitCPU(ratio float64) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return err
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = jobObjectLimitBreakawayOK
	rate := cpuRateControl{cpuRateControlEnable | cpuRateControlHardCap, uint32(max(1, ratio*fullCPURate))}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		_, err = windows.SetInformationJobObject(job, jobObjectCPURateControl, uintptr(unsafe.Pointer(&rate)), uint32(unsafe.Sizeof(rate)))
	}
	if err == nil {
		err = windows.AssignProcessToJobObject(job, windows.CurrentProcess())
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return err
	}
	l.job = job
	return nil
}

// Start starts a command as it would have been started before Lower. On nil it just starts it.
func (l *Lowered) Start(cmd *exec.Cmd) error {
	if l == nil {
		return cmd.Start()
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.CreationFlags |= windows.NORMAL_PRIORITY_CLASS
	if l.job != 0 {
		cmd.SysProcAttr.CreationFlags |= windows.CREATE_BREAKAWAY_FROM_JOB
	}
	return cmd.Start()
}
