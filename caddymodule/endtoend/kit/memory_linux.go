package kit

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Memory is how many bytes a process and those it started have for themselves: what
// they map of files does not count.
func (p *Process) Memory() (total int) {
	own := strconv.Itoa(p.Pid())
	files, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is well-formed
	for _, file := range files {
		said := status(file)
		if said["Pid"] == own || said["PPid"] == own {
			kib, _ := strconv.Atoi(strings.TrimSuffix(said["RssAnon"], " kB")) // one that ends has none
			total += kib << 10
		}
	}
	return total
}

// status is what the system says of a process; nothing of one that has ended.
func status(file string) map[string]string {
	text, _ := os.ReadFile(file) //nolint:gosec // below /proc
	said := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		said[name] = strings.TrimSpace(value)
	}
	return said
}

// WatchMemory looks at Memory again and again until stop, which returns the most
// that it saw.
func (p *Process) WatchMemory() (stop func() int) {
	end, most := make(chan struct{}), make(chan int)
	go func() {
		top := 0
		for {
			top = max(top, p.Memory())
			select {
			case <-end:
				most <- top
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(end)
		return <-most
	}
}
