package operate

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// The exit codes.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitRefused     = 4
	ExitUnavailable = 5
)

// ExitCodes lists the exit codes with their meaning, for help and documentation.
func ExitCodes() []string {
	return []string{
		ExitOK:          "done",
		ExitFailed:      "failed; the message says why",
		ExitUsage:       "the command was not written right; the message names the flag and the fix",
		ExitNotFound:    "no such account, user, reference or address",
		ExitRefused:     "refused: the address or id is taken, or somebody else changed the same thing",
		ExitUnavailable: "the store is not in reach, locked by another process, or of a newer version",
	}
}

// Error is what Run and Parse return when it was not done.
type Error struct {
	// Exit is one of the exit codes.
	Exit int `json:"exit"`
	// Message says what was being done and what is wrong.
	Message string `json:"message"`
	// Flag is the flag at fault, with its dashes, where it is one.
	Flag string `json:"flag,omitempty"`
	// Fix is what to do.
	Fix string `json:"fix,omitempty"`

	cause error
}

// Error returns everything in one line that is safe on a terminal.
func (e *Error) Error() string {
	line := e.Message
	if e.Fix != "" {
		line += "; " + e.Fix
	}
	return safe(line)
}

// Unwrap returns what lies beneath, where the error was made in this process.
func (e *Error) Unwrap() error { return e.cause }

func usage(flag, message, fix string) *Error {
	return &Error{Exit: ExitUsage, Flag: flag, Message: message, Fix: fix}
}

func notFound(message, fix string) *Error {
	return &Error{Exit: ExitNotFound, Message: message, Fix: fix, cause: store.ErrNotFound}
}

// flagOf says by which flag a field of a record is given.
var flagOf = map[string]string{
	"account": "--account", "email": "--email", "name": "--name", "type": "--type", "locale": "--locale",
	"state": "--state", "reason": "--reason", "until": "--until", "trial_until": "--until",
	"unpaid_invoices": "--unpaid", "blocks_from": "--blocks-from", "pay_url": "--pay-url", "second_step": "--second-step", "scopes": "--scopes",
}

// known are the errors from below that have an exit code of their own.
var known = []struct {
	is           error
	exit         int
	message, fix string
}{
	{directory.ErrTaken, ExitRefused, "the address or id is already taken", "take another, or look who has it with why"},
	{manage.ErrForbidden, ExitRefused, "the account would be left without a superadmin", "make somebody else one first, or add --force yes"},
	{manage.ErrInvited, ExitRefused, "they were invited and have not come yet", "invite them again"},
	{manage.ErrNoMail, ExitRefused, "it takes mailed links, and no mail is configured", "configure mail, or give them a password with users password"},
	{audit.ErrCursor, ExitUsage, "it is not where a list ended", "take --after from the list before"},
	{audit.ErrBroken, ExitFailed, "the audit log does not hold together, and was left as it is", "look with audit verify"},
	{store.ErrConflict, ExitRefused, "somebody else changes the same thing", "try again"},
	{store.ErrLocked, ExitUnavailable, "another process holds the store", "ask the running gateway instead"},
	{store.ErrNewerSchema, ExitUnavailable, "the store was written by a newer version", "use that version"},
	{store.ErrUnavailable, ExitUnavailable, "the store does not answer", "try again when it does"},
	{context.DeadlineExceeded, ExitUnavailable, "the store does not answer in time", "try again"},
	{passhash.ErrBusy, ExitFailed, "too many passwords are being hashed", "try again in a moment"},
	{transfer.ErrNotEmpty, ExitRefused, "the store is not empty", "restore into an empty store, or give --replace to remove what is there"},
	{transfer.ErrInUse, ExitRefused, "a gateway uses this store", "stop it, on every node; one that was killed is forgotten after a minute"},
	{transfer.ErrUnfinished, ExitRefused, "a restore of this store was cut short, so its records are not whole", "restore the same backup again, or another one with --replace"},
	{store.ErrNotFound, ExitNotFound, "it does not exist", ""},
}

// AsError gives any error its exit code, for those that come before a command
// runs, as when a store cannot be opened. One that is an *Error stays as it is.
func AsError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Exit: ExitFailed, Message: err.Error(), cause: err}
	e.classify(err)
	e.Message = err.Error()
	return e
}

// classify fills in what is known of an error. What is wrong with a store is
// told in full: only the operator can mend it.
func (e *Error) classify(err error) {
	for _, k := range known {
		if !errors.Is(err, k.is) {
			continue
		}
		e.Exit, e.Message, e.Fix = k.exit, k.message, k.fix
		if k.exit == ExitUnavailable {
			e.Message += ": " + err.Error()
		}
		return
	}
}

// explain gives an error its exit code and begins it with the command.
func (c *Command) explain(err error) *Error {
	e := &Error{Exit: ExitFailed, Message: err.Error(), cause: err}
	var own *Error
	var field *directory.FieldError
	var file *transfer.FileError
	switch {
	case errors.As(err, &file):
		e.Exit, e.Message, e.Fix = ExitUsage, file.Problem, file.Fix
	case errors.As(err, &own):
		*e = *own
	case errors.As(err, &field):
		e.Exit, e.Flag, e.Fix = ExitUsage, flagOf[field.Field], field.Fix
		e.Message = field.Problem
		if e.Flag == "" {
			e.Message = field.Field + ": " + field.Problem
		}
	default:
		e.classify(err)
	}
	if e.Flag != "" {
		e.Message = e.Flag + ": " + e.Message
	}
	e.Message = c.Name() + ": " + e.Message
	return e
}
