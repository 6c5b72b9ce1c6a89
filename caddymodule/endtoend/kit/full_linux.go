package kit

import (
	"testing"

	"golang.org/x/sys/unix"
)

// limitFiles has a process write no file beyond so many bytes from now on. The
// system refuses it what it would refuse on a full disk, for any user and without
// a disk of its own.
func limitFiles(t testing.TB, pid int, size uint64) {
	t.Helper()
	must(t, unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil))
}
