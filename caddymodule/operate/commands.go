package operate

// The flags. What they mean in one command only is said there.
var (
	account  = Flag{Name: "account", Value: "ID", Meaning: "id of the account: lower-case letters, digits and dashes"}
	inside   = account.means("the user must be in this account, or nothing is done")
	email    = Flag{Name: "email", Value: "ADDRESS", Meaning: "e-mail address of the user"}
	name     = Flag{Name: "name", Value: "NAME", Meaning: "name, up to 200 characters"}
	userType = Flag{Name: "type", Value: "TYPE", Meaning: "user type: superadmin, admin, teammate, client, or one that is configured"}
	locale   = Flag{Name: "locale", Value: "LANGUAGE", Meaning: "language of pages and mails, nl or en; default: that of the first login"}
	state    = Flag{Name: "state", Value: "STATE", Meaning: "trial, active, arrears, cancelled or suspended"}
	reason   = Flag{Name: "reason", Value: "TEXT", Meaning: "why, up to 500 characters"}
	until    = Flag{Name: "until", Value: "WHEN", Meaning: "a day (2026-12-31, until its end), a time (2026-12-31T12:00:00+01:00) or a time from now (90m, 12h, 3d, 2w)"}
	trialEnd = until.means("last day of the trial (2026-12-31), or a time from now in days or weeks (30d, 2w)")
	unpaid   = Flag{Name: "unpaid", Value: "NUMBER", Meaning: "unpaid invoices of an account in arrears; default: as many as block"}
	from     = Flag{Name: "blocks-from", Value: "DAY", Meaning: "day from which arrears block (2026-12-31); default: at once"}
	payURL   = Flag{Name: "pay-url", Value: "URL", Meaning: "where the superadmin pays or subscribes"}
	secondly = Flag{Name: "second-step", Value: "WHEN", Meaning: "whether its users need a second step: optional, required, or the day from which they do (2026-12-31)"}
	limitTo  = Flag{Name: "limit", Value: "NUMBER", Meaning: "how many to show at most; default 100"}
	after    = Flag{Name: "after", Value: "CURSOR", Meaning: "go on after this one, as the list before says"}
	mailID   = Flag{Name: "id", Value: "ID", Meaning: "id of the mail, as mail list shows it"}
	sendTo   = Flag{Name: "to", Value: "ADDRESS", Meaning: "where to send it"}
	scopes   = Flag{Name: "scopes", Value: "LIST", Meaning: "what it may do, with commas between: accounts:read, accounts:write, users:read, users:write, attempts:read, audit:read, events:read; who may write may read the same"}
	keyID    = Flag{Name: "id", Value: "ID", Meaning: "id of the key, as keys list shows it"}
	force    = Flag{Name: "force", Value: "yes", Meaning: "yes: do it also where the account keeps no superadmin"}
	before   = Flag{Name: "before", Value: "WHEN", Meaning: "a day (2026-12-31, through its end) or a time (2026-12-31T12:00:00+01:00) that is over"}
	ofUser   = Flag{Name: "user", Value: "ID", Meaning: "only what was done to the user with this id"}
	action   = Flag{Name: "action", Value: "ACTION", Meaning: "only this action, e.g. user.blocked"}
	asUser   = Flag{Name: "as", Value: "ADDRESS", Meaning: "somebody who has just logged in, by e-mail address; default: nobody is logged in"}
	siteOf   = Flag{Name: "site", Value: "HOST", Meaning: "host of the site; needed where there are several"}
	network  = Flag{Name: "network", Value: "ADDRESS", Meaning: "IP address whose budget to clear as well, e.g. 192.0.2.7"}
)

var (
	theAccount = Arg{Name: "ACCOUNT", Flag: "account"}
	theUser    = Arg{Name: "E-MAIL", Flag: "email"}
	theMail    = Arg{Name: "ID", Flag: "id"}
)

var accountFlags = []Flag{name, state, reason, trialEnd, unpaid, from, payURL, secondly}

// The flags of files.
var (
	format    = Flag{Name: "format", Value: "FORMAT", Meaning: "csv or jsonl; default: by the name of the file"}
	dryRun    = Flag{Name: "dry-run", Meaning: "rehearse: report every line and who could log in afterwards, and write nothing"}
	newOnly   = Flag{Name: "new-only", Meaning: "leave accounts and users that are there already as they are"}
	withStaff = Flag{Name: "staff", Meaning: "users of the built-in account staff as well, who may see everything"}
	intoFile  = Flag{Name: "file", Value: "FILE", Meaning: "a new file to write it to, which only its owner can read; default: the terminal"}
	passwords = Flag{Name: "passwords", Meaning: "password hashes as well; needs a FILE, which only its owner can read"}
	replace   = Flag{Name: "replace", Meaning: "remove what is in the store first"}
)

// table is the one place that says which commands there are.
var table = []*Command{
	{
		Group: "accounts", Verb: "add", Arg: theAccount, run: addAccount,
		Flags:   append([]Flag{account.needed()}, accountFlags...),
		Summary: "Adds an account, in state active unless --state says otherwise. The name defaults to the id.",
	},
	{
		Group: "accounts", Verb: "list", run: listAccounts, Flags: []Flag{limitTo, after},
		Summary: "Lists accounts by id, with their state and whether it keeps their users out.",
	},
	{
		Group: "accounts", Verb: "show", Arg: theAccount, run: showAccount, Flags: []Flag{account.needed()},
		Summary: "Shows one account.",
	},
	{
		Group: "accounts", Verb: "set", Arg: theAccount, run: setAccount,
		Flags:   append([]Flag{account.needed()}, accountFlags...),
		Summary: "Changes an account. It takes effect at the next request of each of its users.",
	},
	{
		Group: "accounts", Verb: "end-sessions", Arg: theAccount, run: endAccountSessions, Flags: []Flag{account.needed()},
		Summary: "Logs all users of an account out, everywhere.",
	},
	{
		Group: "users", Verb: "add", Arg: theUser, run: addUser,
		Flags:   []Flag{account.needed(), email.needed(), name.needed(), userType.needed(), locale},
		Summary: "Adds a user with a generated password, which is shown once.",
	},
	{
		Group: "users", Verb: "list", run: listUsers,
		Flags:   []Flag{account.means("only users of this account"), limitTo, after},
		Summary: "Lists users by account and id, and says who may not log in.",
	},
	{
		Group: "users", Verb: "show", Arg: theUser, run: showUser, Flags: []Flag{email.needed(), inside},
		Summary: "Shows one user. Passwords are never shown.",
	},
	{
		Group: "users", Verb: "set", Arg: Arg{Name: "E-MAIL", Flag: "email", Renames: true}, run: setUser,
		Flags:   []Flag{email.means("e-mail address of the user; next to the bare E-MAIL: the new address, which counts at once and is told to both mailboxes"), inside, name, userType, locale, force},
		Summary: "Changes a user. It takes effect at their next request.",
	},
	{
		Group: "users", Verb: "block", Arg: theUser, run: blockUser,
		Flags:   []Flag{email.needed(), inside, reason.needed(), until.means(until.Meaning + "; default: until it is lifted"), force},
		Summary: "Withdraws the access of a user, from their next request on.",
	},
	{
		Group: "users", Verb: "unblock", Arg: theUser, run: unblockUser, Flags: []Flag{email.needed(), inside},
		Summary: "Lifts the block of a user.",
	},
	{
		Group: "users", Verb: "password", Arg: theUser, run: newPassword, Flags: []Flag{email.needed(), inside},
		Summary: "Gives a user a new generated password, which is shown once. It switches their second step off, logs them out everywhere, forgets their failed attempts, and tells them by mail.",
	},
	{
		Group: "users", Verb: "end-sessions", Arg: theUser, run: endSessions, Flags: []Flag{email.needed(), inside},
		Summary: "Logs a user out, everywhere.",
	},
	{
		Group: "users", Verb: "invite", Arg: theUser, run: inviteUser,
		Flags:   []Flag{account.needed(), email.needed(), name.needed(), userType.needed(), locale},
		Summary: "Invites somebody by mail, with a link that is good for seven days. They get a password when they come.",
	},
	{
		Group: "users", Verb: "recover", Arg: theUser, run: recoverUser, Flags: []Flag{email.needed(), inside},
		Summary: "Prints a link for a user who cannot be helped otherwise, such as a locked-out superadmin: it logs them in once, within 10 minutes, and gets them a new password. Their second step is switched off and their sessions end at once.",
	},
	{
		Group: "users", Verb: "export", Arg: theUser, run: exportPerson, Flags: []Flag{email.needed(), inside},
		Summary: "Prints everything that is kept about a user, as JSON: attempts, sessions, mails, the audit log about them. No secrets.",
	},
	{
		Group: "users", Verb: "erase", Arg: theUser, run: erasePerson,
		Flags:   []Flag{email.means("e-mail address or id of the user").needed(), inside.means("the user must be in this account, or nothing is done; needed to finish with the id of somebody who is gone already"), force},
		Summary: "Deletes a user and everything about them. The audit log keeps what was done, by id, without names, addresses and networks.",
	},
	{
		Group: "support", Verb: "add", Arg: theUser, run: addSupport, Flags: []Flag{email.needed(), name.needed(), locale},
		Summary: "Adds somebody of the support desk to the built-in account staff, and prints a link that logs them in once, within 10 minutes, and gets them a password. Where no mail is configured there are no such links, and a generated password is shown once.",
	},
	{
		Group: "keys", Verb: "add", Arg: Arg{Name: "NAME", Flag: "name"}, run: addKey,
		Flags:   []Flag{name.means("what the key is for, up to 200 characters").needed(), scopes.needed(), account.means("the only account it may be used for; default: all")},
		Summary: "Makes a key for the JSON API, which is shown once.",
	},
	{
		Group: "keys", Verb: "list", run: listKeys, Flags: []Flag{account.means("only keys that may be used for this account")},
		Summary: "Lists the keys of the JSON API, newest first, with when each was used last. Their secret part is never shown.",
	},
	{
		Group: "keys", Verb: "revoke", Arg: Arg{Name: "ID", Flag: "id"}, run: revokeKey, Flags: []Flag{keyID.needed()},
		Summary: "Ends a key of the JSON API, on every node at once.",
	},
	{
		Group: "attempts", Verb: "list", Arg: theUser, run: listAttempts, Flags: []Flag{email.needed(), limitTo},
		Summary: "Lists the attempts to log in of a user, or with an address nobody has, newest first.",
	},
	{
		Group: "attempts", Verb: "clear", Arg: Arg{Name: "E-MAIL", Flag: "email", Optional: true}, run: clearAttempts, Flags: []Flag{email, network},
		Summary: "Forgets the failures that make a user or a network wait. The list of attempts stays.",
	},
	{
		Group: "audit", Verb: "list", Arg: theAccount, run: listAudit,
		Flags:   []Flag{account.needed(), ofUser, action, limitTo, after},
		Summary: "Lists the audit log of an account, newest first: who did what to whom, with before and after.",
	},
	{
		Group: "audit", Verb: "verify", Arg: Arg{Name: "ACCOUNT", Flag: "account", Optional: true}, run: verifyAudit,
		Flags:   []Flag{account.means("only the log of this account; default: all")},
		Summary: "Checks that nothing was removed from the audit logs or altered in them. It fails where something was.",
	},
	{
		Group: "audit", Verb: "export", Arg: theAccount, stream: exportAudit, File: FileWritten, FileFlag: intoFile.Name, Flags: []Flag{account.needed(), intoFile},
		Summary: "Prints the audit log of an account as JSON Lines, oldest first, with hashes, so that others can check it.",
	},
	{
		Group: "audit", Verb: "trim", Arg: theAccount, run: trimAudit, Flags: []Flag{account.needed(), before.needed()},
		Summary: "Removes the lines of an audit log before a moment and leaves a signed checkpoint. Lines past audit_keep go by themselves.",
	},
	{
		Group: "mail", Verb: "list", run: listMails, Flags: []Flag{limitTo, after},
		Summary: "Lists mails, newest first, with what became of each and the last answer of the server.",
	},
	{
		Group: "mail", Verb: "show", Arg: theMail, run: showMail, Flags: []Flag{mailID.needed()},
		Summary: "Shows one mail with the answer to every try. What it says is never shown.",
	},
	{
		Group: "mail", Verb: "retry", Arg: theMail, run: retryMail, Flags: []Flag{mailID.needed()},
		Summary: "Tries a mail that waits for its next try at once, for instance when the relay works again.",
	},
	{
		Group: "mail", Verb: "test", Arg: Arg{Name: "ADDRESS", Flag: "to"}, run: testMail,
		Flags:   []Flag{sendTo.needed(), locale.means("language of the mail, nl or en; default: nl")},
		Summary: "Sends a mail to an address at once and shows what the server says. It fails where nobody takes it.",
	},
	{
		Group: "import", Arg: Arg{Name: "FILE"}, stream: importFile, File: FileRead, Flags: []Flag{dryRun, format, newOnly, withStaff},
		Summary: "Brings accounts and users in, from CSV or JSON Lines, with the password hashes of the app they come from. Lines that cannot be taken are told, the others are written. Run it again to go on; what is there already stays.",
	},
	{
		Group: "export", Arg: Arg{Name: "FILE", Optional: true}, stream: exportFile, File: FileWritten, Flags: []Flag{format, passwords, withStaff},
		Summary: "Writes accounts and users as import reads them, to a file or to the terminal.",
	},
	{
		Group: "backup", Arg: Arg{Name: "FILE"}, stream: backupFile, File: FileWritten,
		Summary: "Writes all records of the store to one file, also while the gateway runs. Whoever has the file has everything: keep it as the store itself.",
	},
	{
		Group: "restore", Arg: Arg{Name: "FILE"}, stream: restoreFile, File: FileRead, Alone: true, Flags: []Flag{replace},
		Summary: "Fills an empty store of a gateway that does not run from a backup, of whatever sort of store. The whole file is checked before anything is written.",
	},
	{
		Group: "compact", run: compact,
		Summary: "Gives room that is free in the file of a bolt store back to the disk, also while the gateway runs. Whoever logs in meanwhile waits, a second or so for each 100 MB; people who are logged in go on. The disk needs room for a copy.",
	},
	{
		Group: "why", Arg: Arg{Name: "E-MAIL|REFERENCE"}, run: why,
		Summary: "Tells why somebody can or cannot log in and what to do about it, from an e-mail address, a user id, or the reference their page shows.",
	},
	{
		Group: "explain", Arg: Arg{Name: "[METHOD] PATH", Words: 2}, run: explain, Flags: []Flag{asUser, siteOf},
		Summary: "Prints what the gateway decides about a request, and why: how the path is read, which rules match it, what a browser and a program are answered, and which headers the app gets. Nothing is sent to anybody.",
	},
}

// Commands returns the table of commands, in the order of the documentation. It
// is shared and not to be changed.
func Commands() []*Command { return table }
