package kit

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

const program = "github.com/cliendo/gateway/cmd/cliendo"

// built is the binary of this test run.
var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Main runs the tests of a package and removes what was built for them. Call it
// from TestMain. Unless -parallel says otherwise, half as many tests again run at
// the same time as there are cores: much of what they do is waiting.
func Main(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if cores := runtime.GOMAXPROCS(0); !given {
		if err := flag.Set("test.parallel", strconv.Itoa(cores+(cores+1)/2)); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// Binary returns the path of the binary under test, built at its first call; with
// the race detector when the tests run with it. The environment variable
// ENDTOEND_BINARY names one that is there already, a release for example.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() (string, error) {
	if path := os.Getenv("ENDTOEND_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "cliendo-endtoend-")
	if err != nil {
		return "", fmt.Errorf("building the binary: %w", err)
	}
	built.dir = dir
	path := filepath.Join(dir, "cliendo")
	args := []string{"build", "-o", path}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, program)...).CombinedOutput() //nolint:gosec,noctx // our own arguments; as long as it takes
	if err != nil {
		return "", fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return path, nil
}
