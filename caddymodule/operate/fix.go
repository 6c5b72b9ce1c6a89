package operate

import (
	"strings"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// fix is a way out of a cause.
type fix struct {
	Cause    string `json:"cause,omitempty"`
	Sentence string `json:"sentence"`
	// Command does it, where a command can; words in capitals are to be filled in.
	Command string `json:"command,omitempty"`
}

// patient is whom a fix is for. All fields may be empty.
type patient struct {
	address string
	user    *store.User
	account *store.Account
	network string
	types   []string
}

// remedies has a way out of every cause. The commands are arguments, %-marks
// stand for those of the patient.
var remedies = map[cause.Cause]struct{ sentence, command string }{
	cause.NotLoggedIn:            {"Nothing is wrong: they have to log in.", ""},
	cause.SessionExpired:         {"Nothing is wrong: the session reached its limit, they log in again. \"Ingelogd blijven\" makes it last longer.", ""},
	cause.SessionEnded:           {"The session was ended by a log-out, a new password or a block; they log in again.", ""},
	cause.WrongPassword:          {"Let them type it again with the password shown, or give them a new one.", "users password %e"},
	cause.UnknownEmail:           {"Nobody has this address. Ask which one they use, or add them.", "users add %e --account ACCOUNT --name NAME --type TYPE"},
	cause.TooManyAttempts:        {"Waiting helps. To let them try at once, forget the failures.", "attempts clear %e%n"},
	cause.SecondStepRequired:     {"The password was right, the code of the second step was still due. A new password switches the second step off.", "users password %e"},
	cause.PasskeyRefused:         {"The passkey was not accepted: removed here, somebody else's, chosen after more than five minutes, or a copy. The log says which. Every other way in works, and under Security they add a new one.", ""},
	cause.SecondStepFailed:       {"The password was right, the code was not: wrong, used before, or from a phone whose clock is off. A recovery code works too; a new password switches the second step off.", "users password %e"},
	cause.AccountTrialEnded:      {"The trial of the account is over. Its superadmin can subscribe; to open it from here:", "accounts set %a --state active"},
	cause.AccountArrears:         {"The account has too many unpaid invoices. Its superadmin can pay; to open it from here:", "accounts set %a --state active"},
	cause.AccountCancelled:       {"The account was cancelled. To open it again:", "accounts set %a --state active"},
	cause.AccountSuspended:       {"Support suspended the account, or its record is not in order. To open it:", "accounts set %a --state active"},
	cause.UserBlocked:            {"An admin withdrew their access. To give it back:", "users unblock %e"},
	cause.TypeDenied:             {"Their user type is empty, unknown or may not log in. Give them one of: %t.", "users set %e --type TYPE"},
	cause.Forbidden:              {"They are logged in, but the page is not for their user type.", "users set %e --type admin"},
	cause.CrossSite:              {"The request came from a page of another site. They open the login page itself and try there.", ""},
	cause.BadRequest:             {"The browser sent what no login page sends. They open the login page anew.", ""},
	cause.CookiesBlocked:         {"The browser does not send our cookies back. They allow cookies for this site, or take another browser. Over http:// no browser sends them: serve the site over https.", ""},
	cause.RedirectLoop:           {"The app sends somebody who is logged in back to the login: it does not take the identity headers. Look at what it receives, and at the configuration with check.", "check"},
	cause.PasswordPendingExpired: {"The mailed password is too old. The one from before still works; they ask for a new one, or you give them one.", "users password %e"},
	cause.LinkExpired:            {"The mailed link is too old. They ask for a new one on that very page.", ""},
	cause.LinkUsed:               {"The mailed link has logged somebody in already. They ask for a new one on that very page.", ""},
	cause.LinkSuperseded:         {"A newer mail was used, or the mail was withdrawn. They use the newest, or ask for a new one.", ""},
	cause.InviteExpired:          {"The invitation is too old. They ask for a new one on that very page, or whoever invited them does it again.", ""},
	cause.OtherBrowser:           {"They opened the mail in another browser. They type their address there, or the number that the first browser shows.", ""},
	cause.IdentityNotLinked:      {"The account with the provider is not linked. They log in another way once, and link it at the press of a button; or choose another account.", ""},
	cause.IdentityRefused:        {"What came back from the provider is not taken: they went back, took too long, or chose an account that may not come. They begin again.", ""},
	cause.ProviderUnavailable:    {"The provider does not work, or does not take our settings; the other ways to log in do. See what is wrong with it.", "check"},
	cause.FreshProofRequired:     {"They have to show again that it is them, with their password or a code by mail, and can go on then.", ""},
	cause.TooManyMails:           {"Enough mails were asked for. Waiting helps; or give them a new password.", "users password %e"},
	cause.Busy:                   {"There was more work than fits. It passes in a moment.", ""},
	cause.StoreUnavailable:       {"The store did not answer. See what is wrong with it.", "check"},
}

// remedy returns the way out of c for p. A command that needs what nobody knows
// is left out.
func (h *House) remedy(c cause.Cause, p patient) fix {
	r, ok := remedies[c]
	if !ok {
		return fix{Cause: string(c), Sentence: "No way out is known; look in the log for the reference."}
	}
	f := fix{Cause: string(c), Sentence: strings.ReplaceAll(r.sentence, "%t", strings.Join(p.types, ", "))}
	account, command := "", r.command
	if p.account != nil {
		account = p.account.ID
	}
	if c == cause.AccountSuspended && p.account == nil && p.user != nil {
		account, command = p.user.Account, "accounts add %a"
	}
	if p.network != "" && p.address == "" {
		command = "attempts clear%n"
	}
	if strings.Contains(command, "%e") && p.address == "" || strings.Contains(command, "%a") && account == "" || command == "" {
		return f
	}
	network := ""
	if p.network != "" {
		network = " --network " + quoted(p.network)
	}
	f.Command = h.program() + " " + strings.NewReplacer("%e", quoted(p.address), "%a", quoted(account), "%n", network).Replace(command)
	return f
}

func (h *House) patientOf(s story.Subject) patient {
	p := patient{address: s.Address, user: s.User, account: s.Account}
	home := ""
	if s.User != nil {
		home = s.User.Account
	}
	if home == directory.StaffAccount || home != "" {
		p.types = h.Directory.Rules().TypeNames(home)
	}
	return p
}
