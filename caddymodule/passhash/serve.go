package passhash

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// ballast is memory that is never touched, so that the system never provides it.
// The collector takes it for live and waits for twice as much garbage: a hash leaves
// 19 MiB of it, and looking through the whole program after every second one costs
// a twentieth of all logins. On two cores the process grows to some 170 MiB under
// load instead of 100.
func ballast() []byte { return make([]byte, 64<<20) }

// request and reply go through the pipes between a Hasher and its process.
type request struct {
	ID  uint64
	Job job
}

type reply struct {
	ID     uint64
	Answer answer
}

// Serve is the other side of Options.Process: it computes what it reads from in
// and writes the answers to out, until in ends. Then it returns nil, so that the
// process never outlives the one that started it.
//
// The process takes what others leave of the cores: on Linux at once and only
// that, elsewhere by a lower priority. A Hasher that waits too long for it
// computes for itself.
func Serve(in io.Reader, out io.Writer) error {
	defer runtime.KeepAlive(ballast())
	if err := stepBack(); err != nil {
		return fmt.Errorf("hashing passwords with low priority: %w", err)
	}
	var (
		requests = gob.NewDecoder(in)
		replies  = gob.NewEncoder(out)
		writing  sync.Mutex
		jobs     sync.WaitGroup
	)
	defer jobs.Wait()
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading passwords to hash: %w", err)
		}
		jobs.Go(func() { // the other side bounds how many there are
			a := r.Job.run()
			writing.Lock()
			defer writing.Unlock()
			_ = replies.Encode(reply{r.ID, a}) // who does not listen any more ends us
		})
	}
}
