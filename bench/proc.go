package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: 1/100 s on every Linux there is.
const tick = 10 * time.Millisecond

// cpuOf returns the processor time a process and its descendants have used, those
// that ended included.
func cpuOf(pid int) (total time.Duration, err error) {
	for _, p := range family(pid) {
		f, err := statOf(p)
		if err != nil && p != pid { // it just ended
			continue
		}
		if err != nil {
			return 0, err
		}
		t, err := sumTicks(f[11:15])
		if err != nil {
			return 0, err
		}
		total += t
	}
	return total, nil
}

// statOf returns what /proc/<pid>/stat says after the name of the program.
func statOf(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name stands in brackets and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return nil, fmt.Errorf("reading /proc/%d/stat: %d fields", pid, len(fields))
	}
	return fields, nil
}

// family returns a process and its descendants: the gateway hashes passwords in
// a process of its own.
func family(pid int) []int {
	parents := map[int]int{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		p, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if f, err := statOf(p); err == nil {
			parents[p], _ = strconv.Atoi(f[1])
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		for p, parent := range parents {
			if parent == all[i] {
				all = append(all, p)
			}
		}
	}
	return all
}

func sumTicks(fields []string) (total time.Duration, err error) {
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// rssAnon returns the anonymous memory of a process and its descendants in bytes:
// what a file that is mapped does not count in.
func rssAnon(pid int) (total int64, err error) {
	for _, p := range family(pid) {
		n, err := rssAnonOf(p)
		if err != nil && p == pid {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func rssAnonOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "RssAnon:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		return kib << 10, err
	}
	return 0, fmt.Errorf("/proc/%d/status names no RssAnon", pid)
}

// busy returns the processor time that the whole machine has used, or that was
// taken from it by others on the same host.
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, fmt.Errorf("reading /proc/stat: %q", line)
	}
	// user nice system (idle iowait) irq softirq steal
	return sumTicks([]string{f[1], f[2], f[3], f[6], f[7], f[8]})
}

// ownCPU is the time this process and its children that ended have used.
func ownCPU() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return total
}
