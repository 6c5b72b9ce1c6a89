// Package identity owns which account with a provider (Google, Microsoft, ...)
// logs in which user. What identifies one is its issuer and its subject, never an
// address: a provider may let people put any address there.
//
// One identity leads to one user. There is no transaction over tags, so that is
// kept as the directory keeps addresses: the identity is claimed first and written
// with its user second. A claim whose user does not have the identity is what a
// crash leaves behind; it is respected for a minute, as somebody may be at work,
// and then belongs to whoever meets it.
//
// Who is asked what, before an identity counts, is the business of federated and
// security.
package identity
