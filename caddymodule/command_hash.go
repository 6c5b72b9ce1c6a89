package caddymodule

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/passhash"
)

// hashCommand is how a running gateway calls its own binary to have passwords
// hashed at low priority. It is not for people, so help does not name it.
const hashCommand = "hash-passwords"

func (t *terminal) hash(args []string) int {
	workers := 0
	if word := firstWord(args); word != "" {
		var err error
		if workers, err = strconv.Atoi(word); err != nil {
			return t.fail(fmt.Errorf("how many passwords at a time: %w", err), false)
		}
	}
	if err := passhash.Serve(os.Stdin, os.Stdout, workers); err != nil {
		return t.fail(err, false)
	}
	return operate.ExitOK
}

// hashProcess returns how to start a process that hashes, or nil where this
// program is not one that serves: a command that runs for a moment, a test, or
// somebody else's program that Caddy is a part of.
func hashProcess() func(workers int) *exec.Cmd {
	args := append(os.Args[1:len(os.Args):len(os.Args)], "", "")
	serves := args[0] == "run" || args[0] == "gateway" && args[1] == "demo"
	self, err := os.Executable()
	if !serves || err != nil {
		return nil
	}
	return func(workers int) *exec.Cmd {
		cmd := exec.Command(self, "gateway", hashCommand, strconv.Itoa(workers)) //nolint:noctx,gosec // our own binary, ended with the hasher
		cmd.Stderr = os.Stderr
		return cmd
	}
}
