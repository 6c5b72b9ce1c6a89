package caddymodule

import (
	"fmt"
	"maps"
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
	// done checks, after the block, what no single word can know.
	done func() error
	// raw reads the rest of the line and its block by itself.
	raw func(d *caddyfile.Dispenser) error
}

type words map[string]word

func (w words) names() []string { return slices.Sorted(maps.Keys(w)) }

// parseBlock reads the block that d stands before. in is its name for messages.
// What is unknown or repeated is refused: a typo must not switch a protection off.
func parseBlock(d *caddyfile.Dispenser, in string, table words) error {
	seen := map[string]int{}
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
		if err := w.parse(d, name); err != nil {
			return err
		}
	}
	return nil
}

func (w word) parse(d *caddyfile.Dispenser, name string) error {
	if w.raw != nil {
		return w.raw(d)
	}
	args, start := d.RemainingArgs(), *d // errors name the line of the word, not that of its last brace
	if len(args) < w.min || (w.max >= 0 && len(args) > w.max) {
		return d.Errf("%s has %s: write `%s`", name, count(len(args)), strings.TrimSpace(name+" "+w.usage))
	}
	if w.set != nil {
		if err := w.set(args); err != nil {
			return start.WrapErr(err)
		}
	}
	if w.block != nil {
		if err := parseBlock(d, name, w.block(args)); err != nil || w.done == nil {
			return err
		}
		if err := w.done(); err != nil {
			return start.WrapErr(err)
		}
		return nil
	}
	if d.NextBlock(d.Nesting()) {
		return start.Errf("%s takes no block: write `%s`", name, strings.TrimSpace(name+" "+w.usage))
	}
	return nil
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
			return fmt.Errorf("an empty %s: leave the word out instead", usage)
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
			return fmt.Errorf("%q is no duration above zero: write it like 30s, 15m, 8h or 14d", args[0])
		}
		*to = caddy.Duration(d.Round(time.Millisecond))
		return nil
	}}
}

func numberWord[T int | uint32 | uint8](to *T) word {
	return word{usage: "<number>", min: 1, max: 1, set: func(args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 31)
		if err != nil || n == 0 || uint64(T(n)) != n {
			return fmt.Errorf("%q is no number from 1 up that makes sense here", args[0])
		}
		*to = T(n)
		return nil
	}}
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
