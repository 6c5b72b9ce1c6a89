package audit

import "time"

// Entry is one line of the log as people read it.
type Entry struct {
	// Seq counts from 1 within an account; it is given by Append.
	Seq uint64 `json:"seq"`
	// At is when it was done; Append fills it in.
	At time.Time `json:"at"`
	// Actor is who did it; Append takes that of the context where it is empty.
	Actor  Actor  `json:"actor"`
	Action Action `json:"action"`
	// Account is whose log this is, User the id of whom it was done to.
	Account string `json:"account"`
	User    string `json:"user,omitempty"`
	// Email is the address of that user at that time. It, Before, After and Why
	// are personal: where there is a User they go when that user is erased.
	Email  string            `json:"email,omitempty"`
	Before map[string]string `json:"before,omitempty"`
	After  map[string]string `json:"after,omitempty"`
	Why    string            `json:"why,omitempty"`
	// ActorErased and Erased say that the personal part of who did it, or of whom
	// it was done to, was erased.
	ActorErased bool `json:"actor_erased,omitempty"`
	Erased      bool `json:"erased,omitempty"`
}
