package kit

import (
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a process may take to start, to stop, or to show what a
// test waits for. It is no measure of speed: machines under load are slow.
const Patience = 60 * time.Second

// Process is a program under test. It ends with the test, and fails the test when
// it printed a panic or a data race.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  *os.File
	done chan struct{}
}

// Run starts the program with its own folders for data and configuration, so
// that nothing of the machine's user is read or written. home is that folder.
func Run(t testing.TB, home string, env []string, name string, args ...string) *Process {
	t.Helper()
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // the test's own program; ended by Stop
	cmd.Dir, cmd.Env = home, append(Environ(home), env...)
	p := &Process{t: t, cmd: cmd, out: paper(t), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	t.Cleanup(p.end)
	return p
}

// Environ is the environment of programs under test. GORACE is how long the race
// detector waits at their end, among others: a second where nobody says.
func Environ(home string) []string {
	env := []string{
		"HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_CACHE_HOME=" + home,
		"TMPDIR=" + os.TempDir(),
	}
	for _, keep := range []string{"PATH", "LANG", "TZ", "GORACE"} {
		if v, ok := os.LookupEnv(keep); ok {
			env = append(env, keep+"="+v)
		}
	}
	return env
}

func (p *Process) start(started chan<- error) {
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait()
	}
}

// paper is a file for what a process prints: what it has printed can be read at
// once, which is not so for a pipe. It is gone with the process and the test.
func paper(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp("", "cliendo-output-")
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	must(t, os.Remove(f.Name()))
	return f
}

// Output returns what the process printed so far.
func (p *Process) Output() string {
	p.t.Helper()
	text, err := io.ReadAll(io.NewSectionReader(p.out, 0, math.MaxInt64))
	must(p.t, err)
	return string(text)
}

// Pid is the number that the system knows the process by.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process is over.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode waits for the end of the process and returns its code.
func (p *Process) ExitCode() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		p.t.Fatalf("%s does not end by itself:\n%s", p.cmd.Path, p.tail())
		return -1
	}
}

// Stop ends the process the way an operator does and waits for it.
func (p *Process) Stop() { p.signal(syscall.SIGTERM) }

// Kill ends the process at once, as a crash does.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

func (p *Process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("ending %s: %v", p.cmd.Path, err)
	}
	select {
	case <-p.done:
	case <-time.After(Patience):
		_ = p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("%s did not end:\n%s", p.cmd.Path, p.tail())
	}
}

// end is the clean-up of Run.
func (p *Process) end() {
	p.Stop()
	out := p.Output()
	for _, sign := range []string{"panic:", "panic serving", "DATA RACE", "fatal error:"} {
		if i := strings.Index(out, sign); i >= 0 {
			p.t.Errorf("%s printed %q:\n%s", p.cmd.Path, sign, cut(out[max(0, i-200):], 6000))
			return
		}
	}
	if p.t.Failed() {
		p.t.Logf("the end of what %s printed:\n%s", p.cmd.Path, p.tail())
	}
}

func (p *Process) tail() string {
	out := p.Output()
	return out[max(0, len(out)-6000):]
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// Eventually waits until ok is true, and fails the test with what it was waiting
// for when that does not come.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}
