package operate

import (
	"fmt"
	"slices"
	"strings"
)

// usageLine shows how the command is written.
func (c *Command) usageLine() string {
	parts := []string{"write it as", c.Name()}
	if c.Arg.Name != "" {
		parts = append(parts, optional(c.Arg.Name, c.Arg.Optional))
	}
	for _, f := range c.Flags {
		if f.Needed && f.Name != c.Arg.Flag {
			parts = append(parts, f.written())
		}
	}
	return strings.Join(parts, " ")
}

func (f Flag) written() string { return strings.TrimSpace("--" + f.Name + " " + f.Value) }

func optional(s string, is bool) string {
	if is {
		return "[" + s + "]"
	}
	return s
}

// Usage returns the overview of all commands for a terminal.
func Usage() string {
	var b strings.Builder
	for _, c := range Commands() {
		fmt.Fprintf(&b, "  %-22s %s\n", c.Name(), firstSentence(c.Summary))
	}
	return b.String()
}

func firstSentence(s string) string {
	first, _, _ := strings.Cut(s, ". ")
	return strings.TrimSuffix(first, ".")
}

// Help returns what a terminal shows about one command.
func (c *Command) Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n  %s\n", c.Summary, strings.TrimPrefix(c.usageLine(), "write it as "))
	if len(c.Flags) > 0 {
		b.WriteString("\nFlags:\n")
	}
	for _, f := range c.Flags {
		fmt.Fprintf(&b, "  %-22s %s%s\n", f.written(), f.Meaning, c.mark(f))
	}
	return b.String()
}

// mark says after the meaning of a flag whether it can be left out.
func (c *Command) mark(f Flag) string {
	switch {
	case f.Name == c.Arg.Flag && !c.Arg.Renames:
		return "; the same as the bare " + c.Arg.Name
	case f.Needed:
		return " (needed)"
	}
	return ""
}

// HelpFor returns the help that args ask for, and false when they ask for
// something else: nothing at all, "help", --help or -h anywhere before "--".
func HelpFor(args []string) (string, bool) {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	asked := len(args) == 0 || args[0] == "help" || slices.Contains(args, "--help") || slices.Contains(args, "-h")
	if !asked {
		return "", false
	}
	words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "help" || strings.HasPrefix(a, "-") })
	words = append(words, "", "")
	for _, verb := range []string{words[1], ""} {
		if c, err := find(words[0], verb); err == nil {
			return c.Help(), true
		}
	}
	return Usage(), true
}

// Markdown returns the reference of all commands for the documentation.
func Markdown() string {
	var b strings.Builder
	group := ""
	for _, c := range Commands() {
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(&b, "## %s\n\n", group)
		}
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", strings.TrimPrefix(c.usageLine(), "write it as "), c.Summary)
		if len(c.Flags) == 0 {
			continue
		}
		b.WriteString("| flag | meaning |\n|---|---|\n")
		for _, f := range c.Flags {
			fmt.Fprintf(&b, "| `%s` | %s%s |\n", f.written(), f.Meaning, c.mark(f))
		}
		b.WriteString("\n")
	}
	b.WriteString("## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for code, meaning := range ExitCodes() {
		fmt.Fprintf(&b, "| %d | %s |\n", code, meaning)
	}
	return b.String()
}
