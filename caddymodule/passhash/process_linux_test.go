package passhash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheProcessStepsBackWithAllItsThreads(t *testing.T) {
	o := outsource(t, "hasher")
	hash(t, o.Hasher, "wachtwoord")
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", o.runs[0].Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads of the process: %v, %v", threads, err)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			t.Fatal(err)
		}
		// After the name in brackets: state is field 3, the policy field 41.
		_, rest, _ := strings.Cut(string(stat), ") ")
		if policy := strings.Fields(rest)[38]; policy != strconv.Itoa(unix.SCHED_IDLE) {
			t.Errorf("%s: scheduling policy %s", thread, policy)
		}
	}
}
