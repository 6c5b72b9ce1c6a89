//go:build !linux

package smtptest

import (
	"os"
	"os/exec"
)

func (e *Exim) give() {}

func unprivileged(*exec.Cmd) {}

func runAs() (uid, gid int) { return os.Getuid(), os.Getgid() }
