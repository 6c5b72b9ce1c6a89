//go:build !linux

package kit

// WatchMemory can look on Linux only.
func (p *Process) WatchMemory() (stop func() int) {
	p.t.Helper()
	p.t.Fatal("how much memory a process has can be seen on Linux only")
	return nil
}
