package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Command is one line of the table of commands.
type Command struct {
	// Group and Verb are its name; Verb is empty for a group of one.
	Group, Verb string
	// Summary says in one sentence what it does.
	Summary string
	// Arg is what may be given without a flag; its zero value means nothing may.
	Arg Arg
	// Flags it knows.
	Flags []Flag

	// File says that a file travels with it; see Stream.
	File FileUse
	// FileFlag is the flag that names it; empty: what is given without a flag does.
	FileFlag string
	// Alone: it needs a store that nobody else uses.
	Alone bool

	run    func(context.Context, *House, *input) (outcome, error)
	stream func(context.Context, *House, *input, Stream) (outcome, error)
}

// Arg is the one thing a command is about.
type Arg struct {
	// Name in the usage line, e.g. "E-MAIL".
	Name string
	// Flag is the flag that says the same; empty: there is none.
	Flag string
	// Words is how many it may consist of; zero is one.
	Words int
	// Optional: the command makes sense without.
	Optional bool
	// Renames: next to the bare argument, Flag gives the new value.
	Renames bool
}

// Flag is an option of a command.
type Flag struct {
	Name string // without dashes
	// Value stands for the value in the usage line; empty: the flag has none.
	Value string
	// Meaning says what it does, with unit and default.
	Meaning string
	// Needed: the command cannot do without.
	Needed bool
}

func (f Flag) needed() Flag {
	f.Needed = true
	return f
}

func (f Flag) means(meaning string) Flag {
	f.Meaning = meaning
	return f
}

// FileName returns the name of the file that travels with a request; empty and "-"
// are the terminal.
func (c *Command) FileName(r Request) string {
	if c.FileFlag != "" {
		return r.Flags[c.FileFlag]
	}
	if len(r.Args) > 0 {
		return r.Args[0]
	}
	return ""
}

// Name returns group and verb, as they are typed.
func (c *Command) Name() string { return strings.TrimSpace(c.Group + " " + c.Verb) }

func (c *Command) flag(name string) (Flag, bool) {
	for _, f := range c.Flags {
		if f.Name == name {
			return f, true
		}
	}
	return Flag{}, false
}

// find looks a command up.
func find(group, verb string) (*Command, error) {
	var verbs, groups []string
	for _, c := range Commands() {
		if c.Group == group && c.Verb == verb {
			return c, nil
		}
		if c.Group == group {
			verbs = append(verbs, c.Verb)
		}
		groups = append(groups, c.Group)
	}
	switch {
	case len(verbs) == 0 && group == "":
		return nil, usage("", "no command", "take one of "+strings.Join(slices.Compact(groups), ", "))
	case len(verbs) == 0:
		return nil, usage("", fmt.Sprintf("no command %.40q", group), "take one of "+strings.Join(slices.Compact(groups), ", "))
	case verb == "":
		return nil, usage("", group+": say what to do", "take one of "+strings.Join(verbs, ", "))
	}
	return nil, usage("", fmt.Sprintf("%s: no command %.40q", group, verb), "take one of "+strings.Join(verbs, ", "))
}

// input is a request that fits its command.
type input struct {
	command *Command
	// who is the argument, given bare or by its flag.
	who   string
	flags map[string]string
	by    string
}

// given returns the value of a flag and whether it was given.
func (in *input) given(name string) (string, bool) {
	v, ok := in.flags[name]
	return v, ok
}

// value returns the value of a flag, empty when it was not given.
func (in *input) value(name string) string { return in.flags[name] }

// bind checks that r has what c needs and nothing c does not know.
func (c *Command) bind(r Request) (*input, error) {
	in := &input{command: c, flags: make(map[string]string, len(r.Flags)), by: r.By}
	if in.by == "" {
		in.by = "operator"
	}
	for name, v := range r.Flags {
		if _, ok := c.flag(name); !ok {
			return nil, c.unknownFlag(name)
		}
		in.flags[name] = v
	}
	if err := c.bindArg(r, in); err != nil {
		return nil, err
	}
	for _, f := range c.Flags {
		if f.Needed && f.Name != c.Arg.Flag && in.flags[f.Name] == "" {
			return nil, usage("--"+f.Name, "it is missing", "give it: "+f.Meaning)
		}
	}
	return in, nil
}

// bindArg takes the argument, bare or by its flag. Where both are there, the
// flag keeps its own meaning if the command has one for it.
func (c *Command) bindArg(r Request, in *input) error {
	switch {
	case len(r.Args) > max(c.Arg.Words, 1) || (len(r.Args) > 0 && c.Arg.Name == ""):
		return usage("", fmt.Sprintf("%.40q is one word too many", r.Args[len(r.Args)-1]), "quote what has blanks; "+c.usageLine())
	case len(r.Args) > 0:
		in.who = strings.Join(r.Args, " ")
	case c.Arg.Flag != "":
		in.who = in.flags[c.Arg.Flag]
		delete(in.flags, c.Arg.Flag)
	}
	if in.who == "" && c.Arg.Name != "" && !c.Arg.Optional {
		if c.Arg.Flag == "" {
			return usage("", c.Arg.Name+" is missing", c.usageLine())
		}
		return usage("--"+c.Arg.Flag, "it is missing", c.usageLine())
	}
	if _, twice := in.flags[c.Arg.Flag]; twice && !c.Arg.Renames {
		return usage("--"+c.Arg.Flag, "it is given twice, once without the flag", "give it once")
	}
	return nil
}

func (c *Command) unknownFlag(name string) *Error {
	names := make([]string, 0, len(c.Flags))
	for _, f := range c.Flags {
		names = append(names, "--"+f.Name)
	}
	fix := "it has no flags"
	if len(names) > 0 {
		fix = "it has " + strings.Join(names, ", ")
	}
	return usage(fmt.Sprintf("--%.40s", name), "there is no such flag here", fix)
}
