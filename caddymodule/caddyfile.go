package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// word is one word of a block. The tables of words are the syntax: parser, error
// messages and the test of the documentation read the same ones.
type word struct {
	// usage is what follows the word, as the documentation draws it.
	usage string
	// min and max are how many arguments it takes; a max of -1 means any number.
	min, max int
	// repeats: the word may stand several times.
	repeats bool
	// set takes over the arguments. nil where there are none.
	set func(args []string) error
	// block returns the words of the block that follows; nil: none may follow.
	block func(args []string) words
	// late checks, at the end of the block the word stands in, what the word alone
	// cannot know. A word that repeats answers for its own line only.
	late func(args []string) error
	// raw reads the rest of the line and its block by itself.
	raw func(d *caddyfile.Dispenser) error
}

type words map[string]word

// directiveName is the word for both the global option and the directive.
const directiveName = "login_gateway"

func (w words) names() []string { return slices.Sorted(maps.Keys(w)) }

// parseBlock reads the block that d stands before. in is its name for messages.
// What is unknown or repeated is refused: a typo must not switch a protection off.
func parseBlock(d *caddyfile.Dispenser, in string, table words) error {
	seen := map[string]int{}
	var late []func() error
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		w, ok := table[name]
		if !ok {
			return d.Errf("unknown word %q in %s%s", name, in, didYouMean(name, table.names()))
		}
		if line, again := seen[name]; again && !w.repeats {
			return d.Errf("%s stands twice in %s, first on line %d: keep one", name, in, line)
		}
		seen[name] = d.Line()
		check, err := w.parse(d, strings.TrimPrefix(in+" "+name, directiveName+" "))
		if err != nil {
			return err
		}
		late = append(late, check)
	}
	for _, check := range late {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// parse reads one word, and returns what is to be checked at the end of the
// block it stands in.
func (w word) parse(d *caddyfile.Dispenser, name string) (late func() error, err error) {
	none := func() error { return nil }
	if w.raw != nil {
		return none, w.raw(d)
	}
	args, start := d.RemainingArgs(), *d // errors name the line of the word, not that of its last brace
	if len(args) < w.min || (w.max >= 0 && len(args) > w.max) {
		return none, d.Errf("%s has %s: write `%s`", name, count(len(args)), w.drawn(name))
	}
	at := func(err error) error {
		if err == nil {
			return nil
		}
		return start.WrapErr(naming(name, err))
	}
	if w.set != nil {
		if err := at(w.set(args)); err != nil {
			return none, err
		}
	}
	if w.block != nil {
		err = parseBlock(d, name, w.block(args))
	} else if d.NextBlock(d.Nesting()) {
		err = start.Errf("%s takes no block: write `%s`", name, w.drawn(name))
	}
	if w.late == nil {
		return none, err
	}
	return func() error { return at(w.late(args)) }, err
}

// drawn is the word as the documentation draws it.
func (w word) drawn(name string) string {
	if w.block != nil {
		return strings.TrimSpace(name+" "+w.usage) + " { ... }"
	}
	return strings.TrimSpace(name + " " + w.usage)
}

// naming puts the word in front of a message that does not begin with it.
func naming(name string, err error) error {
	if strings.HasPrefix(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s %w", name, err)
}

func count(n int) string {
	switch n {
	case 0:
		return "nothing after it"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// The makers of words that take one value.

func textWord(usage string, to *string, check func(string) error) word {
	return word{usage: usage, min: 1, max: 1, set: func(args []string) error {
		if args[0] == "" {
			return errors.New("is empty: leave the word out instead")
		}
		*to = args[0]
		// A placeholder is only known on the machine that runs the config.
		if check == nil || strings.Contains(args[0], "{") {
			return nil
		}
		return check(args[0])
	}}
}

func durationWord(to *caddy.Duration) word {
	return word{usage: "<duration>", min: 1, max: 1, set: func(args []string) error {
		d, err := caddy.ParseDuration(args[0])
		if err != nil || d <= 0 {
			return fmt.Errorf("%q: write a duration above zero, like 30s, 15m, 8h or 14d", args[0])
		}
		*to = caddy.Duration(d.Round(time.Millisecond))
		return nil
	}}
}

func numberWord[T int | uint32 | uint8](to *T) word {
	return word{usage: "<number>", min: 1, max: 1, set: func(args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 31)
		if err != nil || n == 0 || n > largest[T]() {
			return fmt.Errorf("%q: write a whole number from 1 to %d", args[0], largest[T]())
		}
		*to = T(n)
		return nil
	}}
}

// largest is what a number in a Caddyfile may be.
func largest[T int | uint32 | uint8]() uint64 {
	return min(math.MaxInt32, uint64(^T(0)))
}

func switchWord(to **bool) word {
	return word{usage: "on|off", min: 1, max: 1, set: func(args []string) error {
		on := args[0] == "on"
		if !on && args[0] != "off" {
			return fmt.Errorf("%q: write on or off", args[0])
		}
		*to = &on
		return nil
	}}
}
