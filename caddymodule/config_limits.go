package caddymodule

import "github.com/caddyserver/caddy/v2"

// Limits say how often one may fail before waiting, and how much work hashing
// may make. A budget or field left out keeps its default.
type Limits struct {
	// UserNetwork counts failures of one user from one network. Default: 5 free,
	// then 30 s doubling to 15 min, forgotten after 1 h or by a login.
	UserNetwork Budget `json:"user_network,omitzero"`
	// User counts failures of one user from all unknown devices together. Default:
	// 20 free, then 1 min doubling to 15 min, forgotten after 6 h.
	User Budget `json:"user,omitzero"`
	// Network counts failures of all users from one network. Default: 100 free in
	// 10 min, then 30 s doubling to 5 min, forgotten after 1 h.
	Network Budget `json:"network,omitzero"`
	// Device counts failures on one known device, for each user it belongs to.
	// Default: 10 free, then 30 s doubling to 5 min, forgotten after 1 h or by a login.
	Device Budget `json:"device,omitzero"`
	// SecondStep counts wrong second-step codes of one user. Default: 5 free, then
	// 1 min doubling to 15 min, forgotten by a right one only.
	SecondStep Budget `json:"second_step,omitzero"`
	// MailedCode counts wrong codes of mails.
	MailedCode MailedCode `json:"mailed_code,omitzero"`
	// HashWorkers is how many passwords are hashed at the same time. Default: the
	// number of cores.
	HashWorkers int `json:"hash_workers,omitempty"`
	// HashQueue is how many logins may wait for that; more are told to come back
	// in a moment. Default: 1024.
	HashQueue int `json:"hash_queue,omitempty"`
	// Argon2 are the costs of new hashes; older ones are renewed at the next login.
	Argon2 Argon2 `json:"argon2,omitzero"`
}

// Budget says how many failures are free and what follows. Nobody is ever shut
// out for good. The defaults of its fields differ: they are told at Limits.
type Budget struct {
	// Free failures cost nothing; at least 1.
	Free int `json:"free,omitempty"`
	// Window is the time within which the free failures must happen to be too
	// many. Where the default is none: however far apart, until forgotten.
	Window caddy.Duration `json:"window,omitempty"`
	// Delay is the first wait; it doubles with each further failure.
	Delay caddy.Duration `json:"delay,omitempty"`
	// MaxDelay is the longest wait, at most a day.
	MaxDelay caddy.Duration `json:"max_delay,omitempty"`
	// Forget is how long after the last failure all is forgotten; at least MaxDelay.
	Forget caddy.Duration `json:"forget,omitempty"`
	// ResetOnSuccess: logging in forgets the failures.
	ResetOnSuccess *bool `json:"reset_on_success,omitempty"`
}

// MailedCode says how often the six digits of a mail may be guessed.
type MailedCode struct {
	// PerMail is how many wrong codes make the code of a mail dead, at most 20; its
	// link goes on working. Default: 5.
	PerMail int `json:"per_mail,omitempty"`
	// PerHour is how many wrong codes one user has in an hour, over all mails, before
	// they have to wait; from PerMail to 100. Default: 10, or PerMail where that is more.
	PerHour int `json:"per_hour,omitempty"`
}

// Argon2 are the costs of Argon2id. Less than 19 MiB with 2 passes, or 46 MiB
// with one, is refused.
type Argon2 struct {
	// Memory of one hash, in KiB, at most 262144. Default: 19456.
	Memory uint32 `json:"memory,omitempty"`
	// Time is the number of passes over the memory, at most 10. Default: 2.
	Time uint32 `json:"time,omitempty"`
	// Threads is the number of lanes of one hash, at most 8. Default: 1.
	Threads uint8 `json:"threads,omitempty"`
}
