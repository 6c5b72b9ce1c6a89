//go:build unix

package passhash

import "golang.org/x/sys/unix"

// nice still gets a tenth of a core that others want whole.
const nice = 10

// beNice lowers the priority of the whole process. Linux keeps one for each
// thread; only for a process group it sets those of all threads, so the process
// becomes one.
func beNice() error {
	if err := leadGroup(); err != nil {
		return err
	}
	return unix.Setpriority(unix.PRIO_PGRP, 0, nice)
}

// leadGroup makes the process a group of its own, which also keeps it out of
// reach of a Ctrl-C meant for its parent.
func leadGroup() error {
	if err := unix.Setpgid(0, 0); err != nil && unix.Getpgrp() != unix.Getpid() {
		return err
	}
	return nil
}
