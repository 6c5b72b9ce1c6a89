package passhash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		// After the name in brackets: state is field 3, nice field 19.
		_, rest, _ := strings.Cut(string(stat), ") ")
		if nice := strings.Fields(rest)[16]; nice != "10" {
			t.Errorf("%s: nice %s", thread, nice)
		}
	}
}
