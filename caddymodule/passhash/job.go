package passhash

import (
	"errors"
	"time"
)

// job is one hash, to be computed here or in a process of its own.
type job struct {
	Encoded  string // to compare with; empty: make a new hash
	Beside   string // compared as well, for the time it takes
	Slow     bool   // it takes longer than others
	Params   Params // of a new hash
	Password string
}

// answer is what came of a job.
type answer struct {
	OK      bool   // the password is that of Encoded
	Encoded string // the new hash
	Err     string
	Took    time.Duration // to compute it
}

func (j job) run() answer {
	begun := time.Now()
	a := j.compute()
	a.Took = time.Since(begun)
	return a
}

func (j job) compute() answer {
	if j.Encoded == "" {
		encoded, err := j.Params.hash(j.Password)
		if err != nil {
			return answer{Err: err.Error()}
		}
		return answer{Encoded: encoded}
	}
	hash, err := decode(j.Encoded)
	if err != nil {
		return answer{Err: err.Error()}
	}
	if beside, err := decode(j.Beside); j.Beside != "" && err == nil {
		beside.match(j.Password)
	}
	return answer{OK: hash.match(j.Password)}
}

func (a answer) err() error {
	if a.Err == "" {
		return nil
	}
	return errors.New(a.Err)
}
