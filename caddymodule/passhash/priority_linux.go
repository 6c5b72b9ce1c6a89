package passhash

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stepBack has the process run when nothing else wants to: a request that comes
// in then never waits for a hash. Where a sandbox forbids that, a lower priority
// must do.
func stepBack() error {
	if err := leadGroup(); err != nil {
		return err
	}
	if idleAll() == nil {
		return nil
	}
	return beNice()
}

// idleAll sets the policy of every thread, again until no new one has appeared:
// those inherit it from the thread that starts them.
func idleAll() error {
	for done := map[string]bool{}; ; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		before := len(done)
		for _, thread := range threads {
			if done[thread.Name()] {
				continue
			}
			done[thread.Name()] = true
			if err := idle(thread.Name()); err != nil {
				return err
			}
		}
		if len(done) == before {
			return nil
		}
	}
}

func idle(thread string) error {
	id, err := strconv.Atoi(thread)
	if err != nil {
		return err
	}
	err = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil // it has ended
	}
	return err
}
