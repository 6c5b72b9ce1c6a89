//go:build linux || darwin || freebsd

package boltstore

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diskFree returns how many bytes the disk that holds path has left for us.
func diskFree(path string) (bytes int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true //nolint:gosec,unconvert // types differ between systems
}
