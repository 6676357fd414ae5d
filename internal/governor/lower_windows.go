package governor

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

type lowered struct{ job windows.Handle }

// From the documentation of SetPriorityClass and of job objects.
const (
	processModeBackgroundBegin = 0x00100000
	jobObjectCPURateControl    = 15
	cpuRateControlEnable       = 1
	cpuRateControlHardCap      = 4
	jobObjectLimitBreakawayOK  = 0x0800
	createBreakawayFromJob     = 0x01000000
	normalPriorityClass        = 0x00000020
	fullCPURate                = 10000
)

// A cpuRateControl is JOBOBJECT_CPU_RATE_CONTROL_INFORMATION.
type cpuRateControl struct{ flags, rate uint32 }

// lower sets the background mode, which lowers the priorities of processors, I/O and memory,
// and puts the process into a job that gets only a part of the processors.
func (l *Lowered) lower(o Lowering) {
	if err := windows.SetPriorityClass(windows.CurrentProcess(), processModeBackgroundBegin); err != nil {
		l.Remarks = append(l.Remarks, fmt.Sprintf("the priority is as it was: %v", err))
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
	cmd.SysProcAttr.CreationFlags |= normalPriorityClass
	if l.job != 0 {
		cmd.SysProcAttr.CreationFlags |= createBreakawayFromJob
	}
	return cmd.Start()
}
