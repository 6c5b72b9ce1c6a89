// Package factor is the second step of a login: codes of an app, recovery codes,
// trusted devices, and logins that wait for one of them. It owns what of these is
// stored, and when it counts. Who is asked is decided by signin, how often a code
// may be tried by limit, and what people see by page.
//
// Everything of a user changes in one Update of their account's tag, so that of
// fifty who come at once with one code, one gets on.
package factor
