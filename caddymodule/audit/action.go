package audit

import (
	"slices"
	"strings"
)

// Action is what was done. New ones are added to this list, and to the words.
type Action = string

// The actions.
const (
	UserCreated          Action = "user.created"
	UserDeleted          Action = "user.deleted"
	UserEmailChanged     Action = "user.email_changed"
	UserEmailAsked       Action = "user.email_change_asked" // waits for the proof of the mailbox
	UserEmailDropped     Action = "user.email_change_dropped"
	UserNameChanged      Action = "user.name_changed"
	UserTypeChanged      Action = "user.type_changed"
	UserLocaleChanged    Action = "user.locale_changed"
	UserBlocked          Action = "user.blocked"
	UserUnblocked        Action = "user.unblocked"
	UserPasswordSet      Action = "user.password_set"
	UserPasswordRemoved  Action = "user.password_removed"
	UserSecondStepOn     Action = "user.second_step_on"
	UserSecondStepOff    Action = "user.second_step_off"
	UserAppReplaced      Action = "user.second_step_replaced" // another app makes the codes
	UserCodesRenewed     Action = "user.recovery_codes_renewed"
	UserIdentityLinked   Action = "user.identity_linked"
	UserIdentityUnlinked Action = "user.identity_unlinked"
	PasskeyAdded         Action = "user.passkey_added"
	PasskeyRemoved       Action = "user.passkey_removed" //nolint:gosec // the name of a deed, no secret
	PasskeyCopied        Action = "user.passkey_copied"  // its counter went back, it was refused
	UserSessionsEnded    Action = "user.sessions_ended"
	UserSessionEnded     Action = "user.session_ended"
	UserDisowned         Action = "user.not_me" // said: this was not me
	UserInvited          Action = "user.invited"
	UserExported         Action = "user.exported"
	UserErased           Action = "user.erased"

	AccountCreated       Action = "account.created"
	AccountNameChanged   Action = "account.name_changed"
	AccountStateChanged  Action = "account.state_changed"
	AccountChanged       Action = "account.changed" // what is neither name nor state
	AccountSessionsEnded Action = "account.sessions_ended"

	// Looked: somebody of another account, support, saw it.
	LookedUser    Action = "looked.user"
	LookedUsers   Action = "looked.users"
	LookedAccount Action = "looked.account"
	LookedAttempt Action = "looked.attempt"
	LookedStory   Action = "looked.story"
	LookedReports Action = "looked.reports"
	LookedAudit   Action = "looked.audit"

	DelaysCleared Action = "delays.cleared"
	MailSent      Action = "mail.sent"
	KeyMade       Action = "key.made"
	KeyRevoked    Action = "key.revoked"
	Imported      Action = "users.imported"
	AuditExported Action = "audit.exported"
	AuditTrimmed  Action = "audit.trimmed"
)

var actions = []Action{
	UserCreated, UserDeleted, UserEmailChanged, UserEmailAsked, UserEmailDropped, UserNameChanged, UserTypeChanged, UserLocaleChanged,
	UserBlocked, UserUnblocked, UserPasswordSet, UserPasswordRemoved, UserSecondStepOn, UserSecondStepOff, UserAppReplaced, UserCodesRenewed,
	UserIdentityLinked, UserIdentityUnlinked,
	PasskeyAdded, PasskeyRemoved, PasskeyCopied,
	UserSessionsEnded, UserSessionEnded, UserDisowned, UserInvited, UserExported, UserErased,
	AccountCreated, AccountNameChanged, AccountStateChanged, AccountChanged, AccountSessionsEnded,
	LookedUser, LookedUsers, LookedAccount, LookedAttempt, LookedStory, LookedReports, LookedAudit,
	DelaysCleared, MailSent, KeyMade, KeyRevoked, Imported, AuditExported, AuditTrimmed,
}

// Actions returns all actions, in the order of the documentation.
func Actions() []Action { return slices.Clone(actions) }

// WordID returns the id under which an action stands in the words of the pages.
func WordID(a Action) string { return "audit_" + strings.ReplaceAll(a, ".", "_") }
