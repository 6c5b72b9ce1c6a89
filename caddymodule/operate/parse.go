package operate

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads a command line behind the name of the program. Flags may stand
// anywhere, as --flag value or --flag=value; what follows -- is no flag. The
// caller's own flags, as --json, are named in globals and returned apart; one
// without a value is "true" when given. Errors are *Error with ExitUsage.
func Parse(args []string, globals ...Flag) (r Request, own map[string]string, err error) {
	// On its way to a running gateway JSON would make readable what is not, and
	// the check of a name would find nothing wrong with it.
	for i, arg := range args {
		if !utf8.ValidString(arg) {
			return Request{}, nil, usage("", fmt.Sprintf("word %d is not valid UTF-8", i+1), "write it in UTF-8")
		}
	}
	p := parser{globals: globals, own: map[string]string{}, flags: map[string]string{}}
	words, err := p.words(args)
	if err != nil {
		return Request{}, nil, err
	}
	r, err = name3(words)
	if err != nil {
		return Request{}, nil, err
	}
	r.Flags = p.flags
	return r, p.own, nil
}

// name3 splits words into group, verb and arguments.
func name3(words []string) (Request, error) {
	words = append(words, "", "")
	group, verb, rest := words[0], words[1], words[min(2, len(words)-2):len(words)-2]
	c, err := find(group, "")
	if err == nil { // a group of one
		verb, rest = "", words[1:len(words)-2]
	} else if c, err = find(group, verb); err != nil {
		return Request{}, err
	}
	return Request{Group: c.Group, Verb: verb, Args: rest}, nil
}

type parser struct {
	globals    []Flag
	own, flags map[string]string
}

func (p *parser) words(args []string) (words []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(words, args[i+1:]...), nil
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			words = append(words, arg)
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "--") || name == "" {
			return nil, usage("", fmt.Sprintf("%.40q is no flag", arg), "flags begin with two dashes; put -- before what only looks like one")
		}
		into, hasValue := p.place(name)
		if hasValue && !joined {
			if i++; i == len(args) {
				return nil, usage("--"+name, "--"+name+": its value is missing", "write --"+name+" VALUE")
			}
			value = args[i]
		} else if !hasValue && !joined {
			value = "true"
		}
		if _, twice := into[name]; twice {
			return nil, usage("--"+name, "--"+name+": it is given twice", "give it once")
		}
		into[name] = value
	}
	return words, nil
}

// place says where a flag belongs and whether it takes a value. Whether the
// command knows it is seen later.
func (p *parser) place(name string) (into map[string]string, hasValue bool) {
	for _, g := range p.globals {
		if g.Name == name {
			return p.own, g.Value != ""
		}
	}
	return p.flags, !isSwitch(name)
}

// isSwitch says whether a flag of the commands has no value, like --dry-run.
func isSwitch(name string) bool {
	for _, c := range Commands() {
		if f, ok := c.flag(name); ok {
			return f.Value == ""
		}
	}
	return false
}
