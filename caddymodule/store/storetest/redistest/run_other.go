//go:build !linux

package redistest

func (r *run) wait(started chan<- error) { r.start(started) }
