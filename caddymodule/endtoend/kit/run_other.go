//go:build !linux

package kit

func (p *Process) run(started chan<- error) { p.start(started) }
