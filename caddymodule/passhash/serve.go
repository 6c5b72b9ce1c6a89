package passhash

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"sync"
)

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
// nice (0 to 19) is by how much the process steps back for others where the
// system knows such a thing. At 10 it still gets a tenth of a core that others
// want whole.
func Serve(in io.Reader, out io.Writer, nice int) error {
	if err := stepBack(nice); err != nil {
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
