package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/cliendo/gateway/caddymodule/operate"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "gateway",
		Usage: "<command> [flags]",
		Short: "Manages the accounts and users of the login gateway, and tells why somebody cannot log in",
		CobraFunc: func(cmd *cobra.Command) {
			// operate owns the table of commands: parsing, help and documentation are
			// made of it, here as inside a running gateway.
			cmd.DisableFlagParsing = true
			cmd.RunE = runCobra
		},
	})
}

func runCobra(cmd *cobra.Command, args []string) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &terminal{program: filepath.Base(os.Args[0]) + " gateway", out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	code := t.run(ctx, args)
	if code == operate.ExitOK {
		return nil
	}
	cmd.SilenceErrors = true // it was said already
	if code == 1 {           // the wrapper takes an error without words for success
		return errors.New("failed")
	}
	return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return code, nil })(cmd, args)
}

// terminal is where a command was typed.
type terminal struct {
	program  string // how it was called, e.g. "cliendo gateway"
	out, err io.Writer
}

// say writes to a terminal. One that is gone cannot be told so.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// The flags that every command knows.
var globalFlags = []operate.Flag{
	{Name: "config", Value: "FILE", Meaning: "the config of the gateway; default: Caddyfile in this folder"},
	{Name: "adapter", Value: "NAME", Meaning: "the form of the config; default: by its name"},
	{Name: "address", Value: "ADDRESS", Meaning: "Caddy's admin endpoint; default: what the config says"},
	{Name: "json", Meaning: "answer in JSON"},
}

// run carries out one command line, and returns its exit code.
func (t *terminal) run(ctx context.Context, args []string) int {
	switch firstWord(args) {
	case hashCommand:
		return t.hash(args[1:])
	case "check":
		return t.check(ctx, args)
	case "demo":
		return t.demo(ctx, args)
	}
	if help, asked := operate.HelpFor(args); asked {
		t.help(help)
		return operate.ExitOK
	}
	q, own, err := operate.Parse(args, globalFlags...)
	_, asJSON := own["json"]
	if err != nil {
		return t.fail(err, slices.Contains(args, "--json"))
	}
	q.By = whoAmI()
	if c, err := operate.Find(q); err == nil && c.File != operate.NoFile {
		return t.stream(ctx, own, q, c)
	}
	result, err := t.dispatch(ctx, own, q)
	if err != nil {
		return t.fail(err, asJSON)
	}
	write := result.WriteText
	if asJSON {
		write = result.WriteJSON
		for _, w := range result.Warnings {
			say(t.err, "Warning: %s\n", w)
		}
	}
	if err := write(t.out); err != nil {
		return t.fail(err, false)
	}
	return result.Exit
}

// dispatch sends a command to the running gateway, or opens the store for it.
func (t *terminal) dispatch(ctx context.Context, own map[string]string, q operate.Request) (operate.Result, error) {
	s, err := t.setup(own)
	if err != nil {
		return operate.Result{}, err
	}
	defer s.close()
	return s.carryOut(ctx, q)
}

// setup reads the config that the flags name.
func (t *terminal) setup(own map[string]string) (*setup, error) {
	s, err := loadSetup(own["config"], own["adapter"])
	if err != nil {
		return nil, err
	}
	s.program = t.program
	if address := own["address"]; address != "" {
		s.admin, s.adminOff = address, ""
	}
	return s, nil
}

// firstWord finds the command among flags that may stand before it.
func firstWord(args []string) string {
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "--")
		if !isFlag {
			return args[i]
		}
		takesValue := func(f operate.Flag) bool { return f.Name == name && f.Value != "" }
		if slices.ContainsFunc(globalFlags, takesValue) {
			i++
		}
	}
	return ""
}

// fail says what went wrong: for people on the error stream, for programs as
// {"error": {...}} where they read the rest.
func (t *terminal) fail(err error, asJSON bool) int {
	e := operate.AsError(err)
	if asJSON {
		body, _ := json.MarshalIndent(map[string]*operate.Error{"error": e}, "", "  ")
		say(t.out, "%s\n", body)
	} else {
		say(t.err, "%s: %v\n", t.program, e)
	}
	return e.Exit
}

func (t *terminal) help(text string) {
	say(t.out, "%s", text)
	if text == operate.Usage() {
		say(t.out, "  %-22s %s\n  %-22s %s\n", "check", checkSummary, "demo", demoSummary)
		say(t.out, "\n%s COMMAND --help shows its flags.\n", t.program)
	}
	say(t.out, "\nFlags of all commands:\n")
	for _, f := range globalFlags {
		say(t.out, "  %-22s %s\n", strings.TrimSpace("--"+f.Name+" "+f.Value), f.Meaning)
	}
	if text == operate.Usage() {
		say(t.out, "\nExit codes:\n")
		for code, meaning := range operate.ExitCodes() {
			say(t.out, "  %d  %s\n", code, meaning)
		}
	}
}

// whoAmI is who a block was set by.
func whoAmI() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "operator " + u.Username
	}
	return "operator"
}
