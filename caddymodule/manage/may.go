package manage

import (
	"fmt"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Action is something that can be done on the admin path, with the API or on the
// command line.
type Action string

// The actions. Their text is stable: words, routes and logs are named by it.
const (
	LookTeam     Action = "look_team"     // the users of an account
	LookUser     Action = "look_user"     // one user: story, sessions, mails
	LookAttempt  Action = "look_attempt"  // an attempt by its reference
	LookAudit    Action = "look_audit"    // the audit log of an account
	LookReports  Action = "look_reports"  // numbers of an account
	LookAccount  Action = "look_account"  // state and reason
	LookAccounts Action = "look_accounts" // the list of all
	LookAll      Action = "look_all"      // numbers, audit log and search over all accounts
	LookEvents   Action = "look_events"   // the feed of changes

	CreateUser     Action = "create_user" // with the address at once, unproved
	Invite         Action = "invite"
	InviteAgain    Action = "invite_again"
	Rename         Action = "rename" // and language
	SetType        Action = "set_type"
	ChangeEmail    Action = "change_email"
	MailPassword   Action = "mail_password"
	NewPassword    Action = "new_password"
	ChosenPassword Action = "chosen_password"
	MailLogin      Action = "mail_login"
	Block          Action = "block"
	Unblock        Action = "unblock"
	EndSessions    Action = "end_sessions"
	ClearDelays    Action = "clear_delays"
	SecondStepOff  Action = "second_step_off"
	Delete         Action = "delete"
	Erase          Action = "erase"
	Export         Action = "export"    // all about one person
	HandOver       Action = "hand_over" // a link that logs them in; operators only

	CreateAccount      Action = "create_account"
	EditAccount        Action = "edit_account" // name, where to pay, verified domains
	SetState           Action = "set_state"
	EndAccountSessions Action = "end_account_sessions"
	LookLockedOut      Action = "locked_out" // who will be, on a day
	ManageKeys         Action = "manage_keys"
	Import             Action = "import"
)

// rule says who may do an action.
type rule struct {
	action Action
	// team: an admin of the account; support: the staff. An operator may do all.
	team, support bool
	// key is the scope that a key needs; empty: no key may.
	key string
	// aimed: it is about one user. touches: it changes them, which takes a
	// superadmin where they are an admin.
	aimed, touches bool
	// others: nobody does it to themselves.
	others bool
	// leaves: it takes a superadmin away, of which one must stay.
	leaves bool
	// staff: support may do it to somebody of the staff.
	staff bool
	// wide: it is about all accounts.
	wide bool
}

// table is the one place that says who may do what. What is not here nobody may.
var table = []rule{
	{action: LookTeam, team: true, support: true, key: apikey.UsersRead, staff: true},
	{action: LookUser, team: true, support: true, key: apikey.UsersRead, aimed: true, staff: true},
	{action: LookAttempt, team: true, support: true, key: apikey.AttemptsRead, staff: true},
	{action: LookAudit, team: true, support: true, key: apikey.AuditRead, staff: true},
	{action: LookReports, team: true, support: true, staff: true},
	{action: LookAccount, team: true, support: true, key: apikey.AccountsRead, staff: true},
	{action: LookAccounts, support: true, key: apikey.AccountsRead, wide: true},
	{action: LookAll, support: true, wide: true},
	{action: LookEvents, key: apikey.EventsRead},

	{action: CreateUser, support: true, key: apikey.UsersWrite},
	{action: Invite, team: true, support: true, key: apikey.UsersWrite},
	{action: InviteAgain, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true},
	{action: Rename, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true},
	{action: SetType, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, others: true, leaves: true},
	{action: ChangeEmail, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true},
	{action: MailPassword, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, staff: true},
	{action: NewPassword, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, others: true},
	{action: ChosenPassword, support: true, aimed: true, touches: true, others: true},
	{action: MailLogin, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, staff: true},
	{action: Block, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, others: true, leaves: true, staff: true},
	{action: Unblock, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, others: true},
	{action: EndSessions, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, staff: true},
	{action: ClearDelays, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, staff: true},
	{action: SecondStepOff, team: true, support: true, aimed: true, touches: true, others: true},
	{action: Delete, team: true, support: true, key: apikey.UsersWrite, aimed: true, touches: true, others: true, leaves: true},
	{action: Erase, support: true, aimed: true, touches: true, others: true, leaves: true},
	{action: Export, support: true, aimed: true},

	{action: HandOver, aimed: true, touches: true},

	{action: CreateAccount, support: true, key: apikey.AccountsWrite, wide: true},
	{action: EditAccount, support: true, key: apikey.AccountsWrite},
	{action: SetState, support: true, key: apikey.AccountsWrite},
	{action: EndAccountSessions, support: true, key: apikey.AccountsWrite},
	{action: LookLockedOut, support: true, key: apikey.AccountsRead, wide: true},
	{action: ManageKeys, support: true, wide: true},
	{action: Import, support: true, wide: true},
}

var rules = func() map[Action]rule {
	m := make(map[Action]rule, len(table))
	for _, r := range table {
		m[r.action] = r
	}
	return m
}()

// Actions lists all actions, in the order of the documentation.
func Actions() []Action {
	all := make([]Action, len(table))
	for i, r := range table {
		all[i] = r.action
	}
	return all
}

// Why an action is forbidden.
const (
	WhyNotYours   = "not_yours"       // it takes another role
	WhyAdmin      = "admin"           // only a superadmin touches admins
	WhySelf       = "self"            // nobody does it to themselves
	WhyStaff      = "staff"           // people of the staff are managed on the command line
	WhyLast       = "last_superadmin" // one must stay
	WhyScope      = "scope"           // the key lacks it
	WhyUnverified = "unverified"      // an address nobody proved; invite instead
)

// Forbidden is the error of an actor who may see something and not do it.
type Forbidden struct {
	Action Action
	Why    string
}

// Error says it in one line.
func (e *Forbidden) Error() string { return fmt.Sprintf("forbidden: %s (%s)", e.Action, e.Why) }

// Is makes every Forbidden an ErrForbidden.
func (e *Forbidden) Is(target error) bool { return target == ErrForbidden }

// May tells whether a may do this in account: nil, store.ErrNotFound where the
// account, or the user it is about, is not there for a, or a *Forbidden. It is
// pure; that the last superadmin of an account stays is looked at in the step that
// changes them. target is the user it is about, nil where there is none.
func May(types directory.Rules, a Actor, what Action, account string, target *store.User) error {
	r, ok := rules[what]
	if !ok {
		return &Forbidden{what, WhyNotYours}
	}
	no := func(why string) error { return &Forbidden{what, why} }
	if !r.wide && !a.sees(account) || r.aimed && (target == nil || target.Account != account) {
		return store.ErrNotFound
	}
	switch a.Kind {
	case audit.ByOperator:
		return nil
	case audit.ByKey:
		switch {
		case !a.has(r.key):
			return no(WhyScope)
		case r.wide && a.Account != "":
			return no(WhyNotYours)
		case what == CreateUser && a.Account != "":
			return no(WhyUnverified)
		}
		return nil
	case audit.BySupport:
		switch {
		case !r.support || !a.Administers:
			return no(WhyNotYours)
		case account == directory.StaffAccount && !r.wide && !r.staff:
			return no(WhyStaff)
		}
	case audit.ByUser:
		switch {
		case !r.team || !a.Administers || a.Account == directory.StaffAccount:
			return no(WhyNotYours)
		case r.touches && a.Type != directory.SuperadminType && !a.himself(target) && administers(types, target):
			return no(WhyAdmin)
		}
	default:
		return no(WhyNotYours)
	}
	if r.others && a.himself(target) {
		return no(WhySelf)
	}
	return nil
}

// administers: a user of a type that manages others, or one that nobody knows.
func administers(types directory.Rules, u *store.User) bool {
	t, ok := types.TypeOf(u)
	return ok && t.Administer
}

// MayGrant tells whether a may give somebody of account this type: only a
// superadmin makes admins.
func MayGrant(types directory.Rules, a Actor, account, typ string) error {
	made := &store.User{Account: account, Type: typ}
	if a.Kind == audit.ByUser && a.Type != directory.SuperadminType && administers(types, made) {
		return &Forbidden{SetType, WhyAdmin}
	}
	return nil
}
