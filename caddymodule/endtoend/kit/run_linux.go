package kit

import (
	"runtime"
	"syscall"
)

// run starts the process and waits for it. The process ends when the thread that
// started it does, so that tests that are killed leave nothing behind; that is
// why this goroutine keeps its thread to itself.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.start(started)
}
