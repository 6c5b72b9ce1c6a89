package redistest

import (
	"runtime"
	"syscall"
)

// wait starts the process and waits for it. The process is told to end when the
// thread that started it does, so that a test binary that is killed leaves no
// server behind; that is why this goroutine keeps its thread to itself.
func (r *run) wait(started chan<- error) {
	runtime.LockOSThread()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.start(started)
}
