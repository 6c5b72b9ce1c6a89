package boltstore

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// holder says which process has path locked, as text to append to an error, and
// nothing when that cannot be known (another container, for example).
func holder(path string) string {
	var st unix.Stat_t
	locks, err := os.ReadFile("/proc/locks")
	if err != nil || unix.Stat(path, &st) != nil {
		return ""
	}
	inode := strconv.FormatUint(st.Ino, 10)
	device := fmt.Sprintf("%02x:%02x", unix.Major(st.Dev), unix.Minor(st.Dev))
	pid := ""
	for line := range strings.Lines(string(locks)) {
		// 1: FLOCK  ADVISORY  WRITE 4711 08:01:131074 0 EOF
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], ":"+inode) {
			continue
		}
		// Some file systems show another device here than stat does; then the inode
		// has to do, unless a line fits better.
		if pid == "" || strings.HasPrefix(f[5], device) {
			pid = f[4]
		}
	}
	return describeProcess(pid)
}

func describeProcess(pid string) string {
	switch n, err := strconv.Atoi(pid); {
	case err != nil || n <= 0:
		return ""
	case n == os.Getpid():
		return " (this process itself, which opened it before)"
	}
	name, err := os.ReadFile("/proc/" + pid + "/comm") //nolint:gosec // pid is a number
	if err != nil {
		return fmt.Sprintf(" (pid %s)", pid)
	}
	return fmt.Sprintf(" (pid %s, %s)", pid, strings.TrimSpace(string(name)))
}
