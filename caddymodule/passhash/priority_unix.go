//go:build unix

package passhash

import "golang.org/x/sys/unix"

// stepBack lowers the priority of the whole process. Linux keeps one for each
// thread; only for a process group it sets those of all threads, so the process
// becomes one. That also keeps it out of reach of a Ctrl-C meant for its parent.
func stepBack(nice int) error {
	if nice <= 0 {
		return nil
	}
	if err := unix.Setpgid(0, 0); err != nil && unix.Getpgrp() != unix.Getpid() {
		return err
	}
	return unix.Setpriority(unix.PRIO_PGRP, 0, nice)
}
