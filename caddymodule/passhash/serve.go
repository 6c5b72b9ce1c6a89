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

// Serve is the other side of Options.Process: it computes what it reads from in, so
// many at a time, and writes the answers to out, until in ends. Then it returns nil,
// so that the process never outlives the one that started it. Zero workers are one
// for each core.
//
// The process takes what others leave of the cores: on Linux at once and only
// that, elsewhere by a lower priority. A Hasher that waits too long for it
// computes for itself.
func Serve(in io.Reader, out io.Writer, workers int) error {
	defer runtime.KeepAlive(ballast())
	if err := stepBack(); err != nil {
		return fmt.Errorf("hashing passwords with low priority: %w", err)
	}
	return serve(in, out, workers)
}

func serve(in io.Reader, out io.Writer, workers int) error {
	s := server{in: gob.NewDecoder(in), out: gob.NewEncoder(out)}
	var all sync.WaitGroup
	for range positive(workers, runtime.GOMAXPROCS(0)) {
		all.Go(s.work)
	}
	all.Wait()
	if errors.Is(s.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("reading passwords to hash: %w", s.err)
}

// server is what the workers share. Each takes its next job from the pipe itself:
// a reader of its own would need a core between two hashes that fill all of them.
type server struct {
	reading sync.Mutex
	in      *gob.Decoder
	err     error // why there is no more to read

	writing sync.Mutex
	out     *gob.Encoder
}

func (s *server) work() {
	for {
		r, ok := s.next()
		if !ok {
			return
		}
		s.reply(reply{r.ID, r.Job.run()})
	}
}

func (s *server) next() (r request, ok bool) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.err == nil {
		s.err = s.in.Decode(&r)
	}
	return r, s.err == nil
}

func (s *server) reply(r reply) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.out.Encode(r) // who does not listen any more ends us
}
