// Package console is the errand of the admin path: team admins who help their
// colleagues, support who helps everybody. It owns the table of its routes, who
// may open which, the proof that sensitive ones ask for, and what the pages say.
// What may be done to whom is decided by manage, which also does it and writes it
// down; what a page looks like is in assets/pages/admin, its words in
// assets/words/admin and assets/words/desk.
//
// Deny by default: what is not in the table is not there, and a route of the table
// without a rule stops the gateway from starting. An account or user that is not
// yours is answered like one that does not exist, to the byte.
package console
