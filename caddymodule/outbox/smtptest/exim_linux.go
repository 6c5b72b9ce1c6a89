package smtptest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// nobody is the user that owns nothing.
const nobody = 65534

// give hands the folder to nobody, where the test runs as root.
func (e *Exim) give() {
	e.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := os.Chmod(filepath.Dir(e.dir), 0o755); err != nil { //nolint:gosec // a folder of the test, to be passed through
		e.t.Fatal(err)
	}
	err := filepath.WalkDir(e.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody) //nolint:gosec // a folder of the test, where nobody else is
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// unprivileged keeps a server from running as root, and from outliving the test.
func unprivileged(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// runAs is who the server runs as.
func runAs() (uid, gid int) {
	if os.Getuid() == 0 {
		return nobody, nobody
	}
	return os.Getuid(), os.Getgid()
}
